# -DGKV_FUZZ=ON, with clang: tests/fuzz/fuzz_NAME.c as a libFuzzer program each, and the
# target `fuzz`, which runs each for GKV_FUZZ_SECONDS from the files of tests/fuzz/corpus/NAME.
# What is found stays in the build folder, as crash-…
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

function(gkv_fuzzers)
  if(NOT GKV_FUZZ)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
  set(runs "")
  set(programs "")
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "fuzz_" "" subject ${name})
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_link_libraries(${name} PRIVATE module_data module_table)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(found ${CMAKE_BINARY_DIR}/corpus/${subject})
    file(MAKE_DIRECTORY ${found})
    list(APPEND programs ${name})
    list(APPEND runs COMMAND $<TARGET_FILE:${name}> -max_total_time=${GKV_FUZZ_SECONDS} -max_len=4096 -timeout=10
         -rss_limit_mb=2048 -print_final_stats=1 ${found} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${subject})
  endforeach()
  add_custom_target(fuzz ${runs} WORKING_DIRECTORY ${CMAKE_BINARY_DIR} USES_TERMINAL)
  add_dependencies(fuzz ${programs})
endfunction()

cmake_language(DEFER CALL gkv_fuzzers) # once the modules are there
