# -DGKV_COVERAGE=ON, with gcc: everything counts the lines and branches that run (`make coverage`).
option(GKV_COVERAGE "count the lines and branches that run (gcc only)" OFF)
if(GKV_COVERAGE)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "GKV_COVERAGE needs gcc: configure with CC=gcc")
  endif()
  # Threads count, too. Without early inlining a line has the branches of its text, not those of every copy.
  add_compile_options(--coverage -fprofile-update=atomic -fno-early-inlining)
  add_link_options(--coverage)
endif()
