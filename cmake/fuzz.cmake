# -DGKV_FUZZ=ON, with clang: tests/fuzz/fuzz_NAME.c as a libFuzzer program each, and the target `fuzz`, which runs each
# for GKV_FUZZ_SECONDS, or GKV_FUZZ_RUNS executions, from the files of tests/fuzz/corpus/NAME
# (tests/fuzz/run_fuzzers.py). What is found stays in the build folder, as NAME-crash-…
option(GKV_FUZZ "build the fuzzers of tests/fuzz (clang only)" OFF)
set(GKV_FUZZ_SECONDS 60 CACHE STRING "seconds that each fuzzer runs; 0: no limit")
set(GKV_FUZZ_RUNS 0 CACHE STRING "executions of each fuzzer; 0: no limit")

# Before the modules are made: all their code is watched.
if(GKV_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "GKV_FUZZ needs clang: configure with CC=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                      -fsanitize-coverage-ignorelist=${CMAKE_SOURCE_DIR}/tests/fuzz/uncovered.txt)
  add_link_options(-fsanitize=address,undefined)
endif()

# The readers of src/cli, for fuzzers and for the test of their mutations, without the messages.
function(gkv_program_readers)
  list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/src/cli/ OUTPUT_VARIABLE sources)
  add_library(program_readers STATIC EXCLUDE_FROM_ALL ${sources} ${CMAKE_SOURCE_DIR}/tests/fuzz/program_messages.c)
  target_link_libraries(program_readers PUBLIC module_train PkgConfig::JANSSON)
  target_link_options(program_readers INTERFACE -Wl,--wrap=cli_error -Wl,--wrap=cli_check)
  if(TARGET app_test_run_mutations)
    target_link_libraries(app_test_run_mutations PRIVATE program_readers)
  endif()
endfunction()

function(gkv_fuzzers)
  if(NOT GKV_FUZZ)
    return()
  endif()
  # With these sanitizers clang optimises the kernels of convolutions for minutes; models of fuzzers are tiny.
  foreach(level portable avx2 avx512)
    if(TARGET kernels_map_${level})
      target_compile_options(kernels_map_${level} PRIVATE -O0)
    endif()
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
  # The calls that the two files take over.
  set(seams ${CMAKE_SOURCE_DIR}/tests/fuzz/memory_files.c ${CMAKE_SOURCE_DIR}/tests/fuzz/kept_blocks.c)
  set(calls open openat close read pread write fstat stat lstat fstatat access rename unlink unlinkat flock fchmod fsync
      fdopen fopen fileno mmap munmap malloc calloc realloc aligned_alloc free)
  list(TRANSFORM calls PREPEND -Wl,--wrap=)
  set(programs "")
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source} ${seams})
    target_compile_definitions(${name} PRIVATE GKV_FUZZ_MEMORY)
    if(name MATCHES "_(history|fit)$")
      target_link_libraries(${name} PRIVATE program_readers)
    elseif(name MATCHES "_density$")
      target_link_libraries(${name} PRIVATE module_density)
    elseif(name MATCHES "_(safetensors|model|checkpoint|settings)$")
      target_link_libraries(${name} PRIVATE module_train)
    else()
      target_link_libraries(${name} PRIVATE module_data module_table)
    endif()
    target_link_options(${name} PRIVATE -fsanitize=fuzzer ${calls})
    list(APPEND programs ${name})
  endforeach()
  add_custom_target(fuzz USES_TERMINAL VERBATIM
    COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/fuzz/run_fuzzers.py ${CMAKE_BINARY_DIR} ${GKV_FUZZ_SECONDS}
            ${GKV_FUZZ_RUNS} ${programs})
  add_dependencies(fuzz ${programs})
endfunction()

# Once the modules are there.
cmake_language(DEFER CALL gkv_program_readers choices.c gk_model.c records.c messages.c terminal.c)
cmake_language(DEFER CALL gkv_fuzzers)
