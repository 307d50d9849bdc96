# -DGKV_FUZZ=ON, with clang: tests/fuzz/fuzz_NAME.c as a libFuzzer program each, and the target `fuzz`, which runs each
# for GKV_FUZZ_SECONDS from the files of tests/fuzz/corpus/NAME (tests/fuzz/run_fuzzers.py). What is found stays in the
# build folder, as NAME-crash-…
option(GKV_FUZZ "build the fuzzers of tests/fuzz (clang only)" OFF)
set(GKV_FUZZ_SECONDS 60 CACHE STRING "seconds that each fuzzer runs")

# Before the modules are made: all their code is watched.
if(GKV_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "GKV_FUZZ needs clang: configure with CC=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
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
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
  set(programs "")
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    if(name MATCHES "_(history|fit)$")
      target_link_libraries(${name} PRIVATE program_readers)
    elseif(name MATCHES "_(safetensors|model|checkpoint|settings)$")
      target_link_libraries(${name} PRIVATE module_train)
    else()
      target_link_libraries(${name} PRIVATE module_data module_table)
    endif()
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    list(APPEND programs ${name})
  endforeach()
  add_custom_target(fuzz USES_TERMINAL VERBATIM
    COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/fuzz/run_fuzzers.py ${CMAKE_BINARY_DIR} ${GKV_FUZZ_SECONDS}
            ${programs})
  add_dependencies(fuzz ${programs})
endfunction()

# Once the modules are there.
cmake_language(DEFER CALL gkv_program_readers gk_model.c records.c messages.c terminal.c)
cmake_language(DEFER CALL gkv_fuzzers)
