# What is installed, and how others find it: the libraries as the CMake package gkvae
# (targets gkvae::gk, gkvae::gk_static, gkvae::gkvae, gkvae::gkvae_static) and as gk.pc and gkvae.pc,
# the program with its manual pages and completions, the licence and the configurations.
include(CMakePackageConfigHelpers)

set(gkv_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gkvae)
set(gkv_doc_dir ${CMAKE_INSTALL_DATADIR}/doc/gkvae)

# --- The libraries ---------------------------------------------------------------------

# An export for each: who links one library needs none of the dependencies of the others.
foreach(name gk gkvae)
  set_target_properties(${name}_shared PROPERTIES EXPORT_NAME ${name})
  foreach(kind shared static)
    install(TARGETS ${name}_${kind} EXPORT ${name}_${kind} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install(EXPORT ${name}_${kind} FILE ${name}-${kind}.cmake NAMESPACE gkvae:: DESTINATION ${gkv_package_dir})
  endforeach()
  add_library(gkvae::${name} ALIAS ${name}_shared) # for who adds this folder to a project of theirs
  add_library(gkvae::${name}_static ALIAS ${name}_static)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/gkvae DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# The runtime of OpenMP by its name where the compiler finds it by that, else by its path.
set(gkv_openmp "")
foreach(library ${OpenMP_C_LIB_NAMES})
  get_filename_component(folder "${OpenMP_${library}_LIBRARY}" DIRECTORY)
  if(library STREQUAL "pthread")
    continue() # Threads has it
  elseif(folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
    list(APPEND gkv_openmp -l${library})
  else()
    list(APPEND gkv_openmp ${OpenMP_${library}_LIBRARY})
  endif()
endforeach()

configure_package_config_file(cmake/gkvae-config.cmake.in ${CMAKE_BINARY_DIR}/generated/gkvae-config.cmake
                              INSTALL_DESTINATION ${gkv_package_dir} NO_SET_AND_CHECK_MACRO)
# Until 1.0 functions may change from one minor version to the next.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/gkvae-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/gkvae-config.cmake
              ${CMAKE_BINARY_DIR}/generated/gkvae-config-version.cmake
        DESTINATION ${gkv_package_dir})

# The .pc files say where things are relative to themselves, so that `cmake --install --prefix` and
# moving the folder are right; folders that were given as absolute paths stay so.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(GKV_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH up /prefix/${pc_dir} /prefix)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(GKV_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${dir}})
    set(GKV_PC_${dir} ${CMAKE_INSTALL_${dir}})
  else()
    set(GKV_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
list(JOIN gkv_openmp " " GKV_PC_OPENMP)
foreach(name gk gkvae)
  configure_file(cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/generated/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/generated/${name}.pc DESTINATION ${pc_dir})
endforeach()

# --- The program, and what goes with it ---------------------------------------------------

install(TARGETS gkvae-cli)
file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/man/*.1)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${gkv_doc_dir})
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/gkvae)

# Completions, which the program itself prints. A program that does not run here (built for another
# machine, or under a sanitizer that wants more) is installed without them.
if(IS_ABSOLUTE ${CMAKE_INSTALL_DATADIR})
  set(gkv_data_dir ${CMAKE_INSTALL_DATADIR})
else()
  set(gkv_data_dir "\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}")
endif()
foreach(completion bash:bash-completion/completions:gkvae zsh:zsh/site-functions:_gkvae
                   fish:fish/vendor_completions.d:gkvae.fish)
  string(REPLACE ":" ";" completion ${completion})
  list(GET completion 0 shell)
  list(GET completion 1 folder)
  list(GET completion 2 file)
  set(script ${CMAKE_BINARY_DIR}/generated/completions/${file})
  install(CODE "
    file(REMOVE \"${script}\")
    file(MAKE_DIRECTORY \"${CMAKE_BINARY_DIR}/generated/completions\")
    execute_process(COMMAND \"$<TARGET_FILE:gkvae-cli>\" completion ${shell} OUTPUT_FILE \"${script}\"
                    ERROR_QUIET RESULT_VARIABLE failed)
    if(failed)
      message(WARNING \"gkvae completion ${shell} failed: its script is not installed\")
    else()
      file(INSTALL DESTINATION \"${gkv_data_dir}/${folder}\" TYPE FILE FILES \"${script}\")
    endif()")
endforeach()
