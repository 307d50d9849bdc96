# Fault injection (tests/torture, docs/reliability.md). gkvae-faults is the program with allocations that fail on
# request, and failing_calls makes calls of the file system fail. Both are built for tests, and on demand.
if(BUILD_TESTING AND TARGET gkvae-cli)
  set(torture ${CMAKE_SOURCE_DIR}/tests/torture)
  add_executable(gkvae-faults EXCLUDE_FROM_ALL ${torture}/failing_allocations.c $<TARGET_OBJECTS:gkvae-cli>)
  target_link_libraries(gkvae-faults PRIVATE module_app module_export module_table PkgConfig::JANSSON ZLIB::ZLIB)
  foreach(name malloc calloc realloc aligned_alloc strdup strndup)
    target_link_options(gkvae-faults PRIVATE -Wl,--wrap=${name})
  endforeach()
  add_executable(failing_calls EXCLUDE_FROM_ALL ${torture}/failing_calls.c)
  add_custom_target(torture)
  add_dependencies(torture gkvae-cli gkvae-faults failing_calls)
  add_dependencies(tests torture)
  # Under a sanitizer the quick part is left out: it says so itself.
  add_test(NAME torture/quick COMMAND ${CMAKE_COMMAND} -E env "GKV_SANITIZE=${GKV_SANITIZE}"
    OMP_WAIT_POLICY=passive /usr/bin/python3 ${torture}/torture.py --quick --build ${CMAKE_BINARY_DIR})
  set_tests_properties(torture/quick PROPERTIES SKIP_RETURN_CODE 77 PROCESSORS 2 COST 40 # begins early
    TIMEOUT ${GKV_TEST_TIMEOUT})
endif()
