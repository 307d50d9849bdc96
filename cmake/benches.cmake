# The measuring programs of bench/. Peers that are there are measured alongside.
pkg_check_modules(CMINPACK QUIET IMPORTED_TARGET cminpack)
pkg_check_modules(GSL QUIET IMPORTED_TARGET gsl)

function(gkv_bench_peers name)
  foreach(peer ${ARGN})
    if(${peer}_FOUND)
      target_link_libraries(bench_${name} PRIVATE PkgConfig::${peer})
      target_compile_definitions(bench_${name} PRIVATE GKV_HAVE_${peer})
    endif()
  endforeach()
endfunction()

# The distribution: time, and errors against libquadmath's quadruple precision.
gkv_bench(distribution)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  gkv_bench(accuracy quadmath)
  target_compile_options(bench_accuracy PRIVATE -Wno-pedantic)
endif()

# Fits: errors beside the Cramér–Rao bound, time, several dimensions and mixtures.
gkv_bench(efficiency)
gkv_bench(intervals)
gkv_bench(starts)
gkv_bench(fit_speed)
gkv_bench_peers(fit_speed GSL CMINPACK)
gkv_bench(mixture)

# Real series, whose estimates are known.
set(SERIES_DIR "" CACHE PATH "folder of exchange-returns.csv and mgnk.csv, for mixture/test_series")
if(SERIES_DIR AND TEST mixture/test_series)
  set_property(TEST mixture/test_series APPEND PROPERTY ENVIRONMENT "SERIES_DIR=${SERIES_DIR}")
endif()

# Least squares: NIST's nonlinear regression, the problems of Moré, Garbow and Hillstrom.
set(NIST_DIR "" CACHE PATH "folder of NIST's 27 .dat files, for lm/test_nist")
if(NIST_DIR AND TEST lm/test_nist)
  set_property(TEST lm/test_nist APPEND PROPERTY ENVIRONMENT "NIST_DIR=${NIST_DIR}")
endif()
gkv_bench(nist)
gkv_bench(mgh)
gkv_bench_peers(mgh CMINPACK)

# Measures of generated samples: time.
gkv_bench(generation)

# Matrix products at the shapes of a training step, likelihoods, and flows of tables: these look at the inside of a
# module.
add_executable(bench_gemm EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/gemm.c)
target_link_libraries(bench_gemm PRIVATE module_nn)
add_executable(bench_likelihood EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/likelihood.c)
target_link_libraries(bench_likelihood PRIVATE module_likelihood)
add_executable(bench_density_flow EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/density_flow.c)
target_link_libraries(bench_density_flow PRIVATE module_density)
