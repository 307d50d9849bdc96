# libgk and libgkvae, each static and shared, from the objects of their modules.
#
# libgkvae stands on libgk: they share one message of errors and everything else. Users see the functions of
# include/gkvae alone, the symbols gkv_*. Beside these, libgk has the internal functions that libgkvae calls, and no
# others. In the shared libgk they have the version GK_PRIVATE_x.y.z, so that a libgkvae of another version does not
# load with it.
#
# To that end the objects of a library are joined to one (ld -r), in which all other symbols are made local. An archive
# has the symbols gkv_* and no others: libgk.a is one object, and so is libgkvae.a, which therefore contains libgk's
# functions too. Link libgkvae.a alone, or before libgk.a, of which nothing is needed then.
#
# Common symbols, such as the locks of `omp critical`, get their place in the joined object (ld -d). A common symbol
# that was made local would have none, but an address in the header of the library. New versions of LLVM's linker do
# not know the option, so GNU's is taken with clang too.

find_program(gkv_linker NAMES ld.bfd ld REQUIRED)
mark_as_advanced(gkv_linker)
set(gkv_joined_dir ${CMAKE_BINARY_DIR}/joined)
file(MAKE_DIRECTORY ${gkv_joined_dir})

# gkv_objects(NAME MODULE…): NAME.o and NAME-archive.o, the joined objects of these modules for the shared library and
# for the archive. libgkvae comes first: what it lacks of the internal functions is what libgk keeps.
function(gkv_objects name)
  set(whole ${gkv_joined_dir}/${name}-whole.o)
  set(joined ${gkv_joined_dir}/${name}.o)
  set(archived ${gkv_joined_dir}/${name}-archive.o)
  set(private ${gkv_joined_dir}/gk.private)
  list(TRANSFORM ARGN PREPEND module_ OUTPUT_VARIABLE modules)
  set(archives "")
  foreach(module ${modules})
    list(APPEND archives $<TARGET_FILE:${module}>)
  endforeach()
  add_custom_command(OUTPUT ${whole} DEPENDS ${modules} VERBATIM
    COMMAND ${gkv_linker} -r --whole-archive ${archives} -o ${whole})
  set(parts ${gkv_joined_dir}/gk-whole.o ${whole})
  list(REMOVE_DUPLICATES parts)
  add_custom_command(OUTPUT ${archived} DEPENDS ${parts} VERBATIM
    COMMAND ${gkv_linker} -r -d ${parts} -o ${archived}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=gkv_* ${archived})
  if(name STREQUAL "gk")
    add_custom_command(OUTPUT ${joined} DEPENDS ${whole} ${private} VERBATIM
      COMMAND ${gkv_linker} -r -d ${whole} -o ${joined}
      COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=gkv_* --keep-global-symbols=${private} ${joined})
  else()
    add_custom_command(OUTPUT ${joined} DEPENDS ${whole} VERBATIM
      COMMAND ${gkv_linker} -r -d ${whole} -o ${joined}
      COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined})
    add_custom_command(OUTPUT ${private} ${gkv_joined_dir}/gk.map DEPENDS ${whole} VERBATIM
      COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DOBJECT=${whole} -DFOLDER=${gkv_joined_dir}
              -DVERSION=${PROJECT_VERSION} -P ${CMAKE_SOURCE_DIR}/cmake/private_symbols.cmake)
    add_custom_target(gk_private DEPENDS ${private})
  endif()
  add_custom_target(${name}_object DEPENDS ${joined})
  add_custom_target(${name}_archive DEPENDS ${archived})
  # One after another: each of them would make the whole objects.
  if(name STREQUAL "gk")
    add_dependencies(gk_object gk_private)
    add_dependencies(gk_archive gk_object)
    add_dependencies(gkvae_archive gk_archive)
  else()
    add_dependencies(gk_private ${name}_object)
  endif()
endfunction()

# gkv_library(NAME LIBRARY OUTSIDE…): the libraries of NAME, on libraries of others; the shared one also on LIBRARY of
# this project, which it finds in its own folder.
function(gkv_library name library)
  foreach(kind static shared)
    set(target ${name}_${kind})
    if(kind STREQUAL "static")
      set(object ${name}-archive.o)
      add_library(${target} STATIC ${gkv_joined_dir}/${object})
      add_dependencies(${target} ${name}_archive)
    else()
      set(object ${name}.o)
      add_library(${target} SHARED ${gkv_joined_dir}/${object})
      add_dependencies(${target} ${name}_object)
    endif()
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C)
    set_source_files_properties(${gkv_joined_dir}/${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
    # What an installed library needs of others, its package says (package.cmake).
    target_link_libraries(${target} PRIVATE "$<BUILD_INTERFACE:${ARGN}>")
  endforeach()
  set_target_properties(${name}_shared PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(library)
    target_link_libraries(${name}_shared PUBLIC ${library}_shared)
    set_target_properties(${name}_shared PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN")
  endif()
  target_link_options(${name}_shared PRIVATE -Wl,--version-script=${gkv_joined_dir}/${name}.map -Wl,-Bsymbolic)
  if(NOT name STREQUAL "gk") # gkv_objects() makes that of libgk
    string(TOUPPER ${name}_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} node)
    file(CONFIGURE OUTPUT ${gkv_joined_dir}/${name}.map
      CONTENT "${node} {\n  global:\n    gkv_*;\n  local:\n    *;\n};\n")
  endif()
  if(NOT GKV_SANITIZE AND NOT GKV_FUZZ)
    target_link_options(${name}_shared PRIVATE -Wl,-z,defs)
  endif()
endfunction()
