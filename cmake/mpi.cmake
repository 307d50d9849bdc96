# -DGKV_MPI=ON: the shared object libgkvae-openmpi.so, libgkvae-mpich.so, or both, by the compilers of the MPIs that are
# installed. The program loads the one of the launcher that started it (src/dist/mpi_library.c); nothing else is
# compiled against MPI. GKV_MPI_COMPILERS names other compilers than those found.
option(GKV_MPI "MPI support: eval, compare and others on several processes (docs/cluster.md)" OFF)
set(GKV_MPI_COMPILERS "" CACHE STRING "MPI compilers, as in mpicc.openmpi;mpicc.mpich; empty: those found")

# Where an installed program finds it: a path from its own folder, or an absolute one.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(gkv_mpi_folder ${CMAKE_INSTALL_LIBDIR}/gkvae/)
else()
  set(gkv_mpi_folder ../${CMAKE_INSTALL_LIBDIR}/gkvae/)
endif()
set_source_files_properties(src/dist/mpi_library.c PROPERTIES
  COMPILE_DEFINITIONS "GKV_MPI_FOLDER=\"${gkv_mpi_folder}\"")

# The name of a compiler's MPI, in `out`.
function(gkv_mpi_name compiler out)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/which_mpi.c
    "#include <mpi.h>\n#if defined(OPEN_MPI)\nGKV_IS openmpi\n#elif defined(MPICH_VERSION)\nGKV_IS mpich\n#endif\n")
  execute_process(COMMAND ${compiler} -E -P ${CMAKE_BINARY_DIR}/generated/which_mpi.c
                  OUTPUT_VARIABLE text ERROR_VARIABLE why RESULT_VARIABLE failed)
  if(failed OR NOT text MATCHES "GKV_IS (openmpi|mpich)")
    message(FATAL_ERROR "${compiler} is no compiler of Open MPI or MPICH: ${why}")
  endif()
  set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
endfunction()

function(gkv_mpi_library compiler)
  gkv_mpi_name(${compiler} name)
  set(file ${CMAKE_BINARY_DIR}/libgkvae-${name}.so)
  set(flags -std=c17 -O2 -g -fPIC -shared -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wl,-z,relro,-z,now)
  if(GKV_WERROR)
    list(APPEND flags -Werror)
  endif()
  if(GKV_SANITIZE)
    list(APPEND flags -fsanitize=${GKV_SANITIZE})
  endif()
  add_custom_command(OUTPUT ${file} VERBATIM
    DEPENDS ${CMAKE_SOURCE_DIR}/src/dist/mpi/mpi_table.c ${CMAKE_SOURCE_DIR}/src/dist/dist_table.h
    COMMAND ${CMAKE_COMMAND} -E env OMPI_CC=${CMAKE_C_COMPILER} MPICH_CC=${CMAKE_C_COMPILER} ${compiler} ${flags}
            -I${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/src/dist/mpi/mpi_table.c -o ${file})
  add_custom_target(mpi_${name} ALL DEPENDS ${file})
  add_dependencies(mpi_libraries mpi_${name})
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/gkvae)
  message(STATUS "MPI: ${compiler} makes libgkvae-${name}.so")
endfunction()

if(GKV_MPI)
  set(compilers ${GKV_MPI_COMPILERS})
  if(NOT compilers)
    foreach(name mpicc.openmpi mpicc.mpich)
      find_program(${name} ${name})
      if(${name})
        list(APPEND compilers ${${name}})
      endif()
    endforeach()
    if(NOT compilers)
      find_program(GKV_MPICC mpicc)
      if(NOT GKV_MPICC)
        message(FATAL_ERROR "GKV_MPI is ON and there is no MPI compiler (mpicc). Install libopenmpi-dev or "
                            "libmpich-dev, or name the compiler with -DGKV_MPI_COMPILERS=…")
      endif()
      set(compilers ${GKV_MPICC})
    endif()
  endif()
  add_custom_target(mpi_libraries)
  foreach(compiler ${compilers})
    gkv_mpi_library(${compiler})
  endforeach()
endif()

# Operations of ranks, for tests/mpi.
if(GKV_MPI AND BUILD_TESTING)
  add_executable(mpi_ranks EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/mpi/ranks.c)
  target_link_libraries(mpi_ranks PRIVATE module_dist m)
endif()
