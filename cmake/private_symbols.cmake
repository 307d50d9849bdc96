# cmake -P: writes FOLDER/gk.private, the internal functions and tables that OBJECT (libgkvae) needs of libgk, and
# FOLDER/gk.map, the version script of the shared libgk.
execute_process(COMMAND ${NM} -u ${OBJECT} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "gki_[A-Za-z0-9_]+" private "${symbols}")
list(SORT private)
list(JOIN private "\n" lines)
file(WRITE ${FOLDER}/gk.private "${lines}\n")
list(JOIN private ";\n    " lines)
string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor ${VERSION})
file(WRITE ${FOLDER}/gk.map "GK_${minor} {\n  global:\n    gkv_*;\n  local:\n    *;\n};
GK_PRIVATE_${VERSION} {\n  global:\n    ${lines};\n};\n")
