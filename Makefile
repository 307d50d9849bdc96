# `make help` lists the targets. Only `make deps` installs anything on the system; the
# targets demo and check begin with it. All others say what is missing.
MAKEFLAGS += --no-print-directory
BUILD ?= build
JOBS  ?= $(shell nproc)
PREFIX ?= /usr/local
CMAKE_ARGS ?=
PACKAGES ?=

.PHONY: all help deps configure build tests program demo check check-asan check-tsan check-valgrind coverage fuzz \
        check-browser check-mpi check-mpi-asan python wheel check-python check-python-asan r check-r check-r-asan \
        torture nist accuracy starts bench install uninstall \
        format lint clean

all: build

# A target's line in this list is the comment after ## on its own line.
help: ## list the targets
	@echo "usage: make [TARGET] [JOBS=N] [BUILD=folder] [CMAKE_ARGS=…]; without a target: build"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	    awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

deps: ## install the packages that are missing (Debian, Ubuntu); PACKAGES=… names more
	@scripts/setup.sh $(PACKAGES)

# Says only what goes wrong: no progress of each file, the configuration in a log.
configure:
	@scripts/setup.sh --check
	@mkdir -p $(BUILD)
	@cmake -S . -B $(BUILD) -DCMAKE_RULE_MESSAGES=OFF $(CMAKE_ARGS) > $(BUILD)/configure.log 2>&1 \
	    || { cat $(BUILD)/configure.log; exit 1; }

build: configure ## build program and libraries
	@echo "building in $(BUILD)"
	@cmake --build $(BUILD) -j $(JOBS)

tests: configure ## build everything, tests included
	@echo "building in $(BUILD), with tests"
	@cmake --build $(BUILD) -j $(JOBS) --target all tests

program: configure ## build the program alone, without its tests
	@echo "building the program in $(BUILD)"
	@cmake --build $(BUILD) -j $(JOBS) --target gkvae-cli

# On results/demo; see the script.
demo: ## deps, build, get MNIST, train, evaluate: results/demo; 8 to 10 minutes
	@echo "demo: takes 8 to 10 minutes on two cores: 1 to build, 4 to 5 to train, 3 to 4 to evaluate"
	@$(MAKE) deps
	@$(MAKE) program
	@scripts/demo.sh $(BUILD)/gkvae

check: ## deps, build, run every test; 4 to 6 minutes
	@$(MAKE) deps
	@$(MAKE) tests
	@cd $(BUILD) && ctest --output-on-failure -j $(JOBS)

# Seventeen small models are trained first. CHROMIUM=program names another browser; PAGES=folder keeps pages and
# screenshots.
check-browser: ## the explorer page in Chromium: numbers, use, looks; 2 to 4 minutes
	@$(MAKE) deps PACKAGES=chromium
	@$(MAKE) program
	@/usr/bin/python3 tests/browser/check_explorer.py $(BUILD)/gkvae . $(if $(PAGES),--pages "$(PAGES)")

# Under Open MPI and under MPICH, with 1 to 4 ranks.
check-mpi: ## train, eval, compare and fit on the ranks of MPI jobs; 3 to 4 minutes
	@$(MAKE) deps PACKAGES="libopenmpi-dev openmpi-bin libmpich-dev mpich"
	@$(MAKE) configure CMAKE_ARGS='$(CMAKE_ARGS) -DGKV_MPI=ON'
	@cmake --build $(BUILD) -j $(JOBS) --target gkvae-cli mpi_libraries mpi_ranks
	@tests/mpi/check_all.sh $(BUILD) .

# Ranks have no standard error, so each writes what the sanitizers find to a file. MPI itself leaks.
check-mpi-asan: ## the same with AddressSanitizer and UndefinedBehaviorSanitizer; reports in build-asan/reports
	@$(MAKE) configure BUILD=build-asan CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo \
	    -DGKV_SANITIZE=address,undefined -DGKV_MPI=ON $(CMAKE_ARGS)'
	@cmake --build build-asan -j $(JOBS) --target gkvae-cli mpi_libraries mpi_ranks
	@rm -rf build-asan/reports && mkdir build-asan/reports
	@export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:log_path=$(CURDIR)/build-asan/reports/asan \
	    UBSAN_OPTIONS=print_stacktrace=1:log_path=$(CURDIR)/build-asan/reports/ubsan RANKS_SECONDS=1800; \
	    tests/mpi/check_all.sh build-asan .
	@! cat build-asan/reports/* 2> /dev/null

# The wheel contains the shared libraries; build/python/dist/gkvae-*.whl. PYTHON=… names another interpreter.
python: ## the Python package: build the wheel, install it for this user
	@$(MAKE) wheel
	@scripts/python.sh install $(BUILD)
	@echo "installed: $(or $(PYTHON),/usr/bin/python3) -c 'import gkvae'"

wheel: ## the wheel of the Python package alone: build/python/dist
	@$(MAKE) deps PACKAGES="$$(scripts/python.sh packages) $(PACKAGES)"
	@$(MAKE) configure
	@cmake --build $(BUILD) -j $(JOBS) --target gk_shared gkvae_shared
	@scripts/python.sh wheel $(BUILD)

# SERIES_DIR=folder: real series with published estimates (docs/fitting.md).
check-python: ## the tests and doctests of the Python package; PYTEST=… are arguments
	@$(MAKE) deps PACKAGES="$$(scripts/python.sh test-packages)"
	@$(MAKE) wheel
	@cmake --build $(BUILD) -j $(JOBS) --target gkvae-cli
	@scripts/python.sh check $(BUILD) $(PYTEST)

check-python-asan: ## the tests of the Python package with AddressSanitizer
	@$(MAKE) deps PACKAGES="$$(scripts/python.sh packages) $$(scripts/python.sh test-packages)"
	@$(MAKE) configure BUILD=build-asan \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DGKV_SANITIZE=address,undefined $(CMAKE_ARGS)'
	@cmake --build build-asan -j $(JOBS) --target gk_shared gkvae_shared
	@scripts/python.sh check-asan build-asan $(PYTEST)

# The source package is build/r/gkvae_*.tar.gz; libgkvae.a is linked into what is installed.
r: ## the R package: build it, install it for this user
	@$(MAKE) deps PACKAGES="$$(scripts/r.sh packages) $(PACKAGES)"
	@$(MAKE) configure
	@cmake --build $(BUILD) -j $(JOBS) --target gkvae_static
	@scripts/r.sh stage $(BUILD)
	@scripts/r.sh install $(BUILD)
	@echo "installed: Rscript -e 'library(gkvae)'"

# SERIES_DIR=folder as for check-python. The vignette of exchange rates needs it, or the package Ecdat of R.
check-r: ## R CMD check of the R package, its tests and examples
	@$(MAKE) deps PACKAGES="$$(scripts/r.sh packages) $$(scripts/r.sh test-packages)"
	@$(MAKE) configure
	@cmake --build $(BUILD) -j $(JOBS) --target gkvae_static gkvae-cli
	@scripts/r.sh stage $(BUILD)
	@scripts/r.sh check $(BUILD)

check-r-asan: ## the tests of the R package with AddressSanitizer
	@$(MAKE) deps PACKAGES="$$(scripts/r.sh packages) $$(scripts/r.sh test-packages)"
	@$(MAKE) configure BUILD=build-asan \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DGKV_SANITIZE=address,undefined $(CMAKE_ARGS)'
	@cmake --build build-asan -j $(JOBS) --target gkvae_static
	@scripts/r.sh test-asan build-asan

# The tests are many times as slow in what follows, and have more seconds each. Each file is compiled by itself, and so
# shows what it forgot to include.
SLOW_TESTS = -DGKV_TEST_TIMEOUT=1800 -DGKV_TOGETHER=OFF

# Memory and undefined behaviour. Other people's leaks at exit are listed in tests/lsan.supp.
# The stack of use-after-return checks stays off: gcc does not align it for AVX-512.
check-asan: ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) tests BUILD=build-asan \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DGKV_SANITIZE=address,undefined $(SLOW_TESTS) $(CMAKE_ARGS)'
	@cd build-asan && GKV_NO_STACK_LIMITS=1 ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	    ctest --output-on-failure -j $(JOBS)

# Data races. ThreadSanitizer does not know how OpenMP's threads wait for each other;
# Archer, which comes with LLVM's OpenMP, informs it. The libraries below are not built
# with it, so what happens within them is left out, and BLAS keeps to one thread.
# A kernel that scatters addresses too widely for it is asked not to (setarch -R).
check-tsan: ## the tests with ThreadSanitizer (clang)
	@scripts/setup.sh --check clang libomp-dev
	@$(MAKE) tests BUILD=build-tsan \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang -DGKV_SANITIZE=thread \
	        $(SLOW_TESTS) $(CMAKE_ARGS)'
	@archer=$$(dirname $$(readlink -f $$(command -v clang)))/../lib/libarcher.so; \
	    test -e $$archer || { \
	        echo "check-tsan: there is no $$archer: install clang and libomp-dev of one version"; exit 1; }; \
	    cd build-tsan && OMP_TOOL_LIBRARIES=$$archer ARCHER_OPTIONS="verbose=0" OPENBLAS_NUM_THREADS=1 \
	    GKV_NO_FILE_LIMITS=1 GKV_NO_STACK_LIMITS=1 TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1 \
	    $$(setarch -R true 2> /dev/null && echo setarch -R) ctest --output-on-failure -j $(JOBS)

# Memory once more, reads of what was never written above all. Slow: half an hour. Not the
# program's own tests, whose shell it would check instead.
check-valgrind: ## the tests in valgrind; half an hour
	@scripts/setup.sh --check valgrind
	@$(MAKE) tests BUILD=build-valgrind \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo $(SLOW_TESTS) $(CMAKE_ARGS) \
	    -DMEMORYCHECK_COMMAND_OPTIONS="--leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9" \
	    -DMEMORYCHECK_SUPPRESSIONS_FILE=$(CURDIR)/tests/valgrind.supp'
	@cd build-valgrind && ctest -T memcheck -E '^(cli|numpy)/' --output-on-failure -j $(JOBS)

# Counts of gcov, by scripts/coverage.py, of one run of the tests; TESTS=… names some of them (ctest -R). Code that is
# hardly optimised keeps its branches, and is slow.
TESTS ?= .
coverage: ## lines and branches that the tests run, by module (gcc)
	@$(MAKE) tests BUILD=build-coverage \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-Og -g" -DGKV_COVERAGE=ON $(SLOW_TESTS) $(CMAKE_ARGS)'
	@find build-coverage -name '*.gcda' -delete
	@cd build-coverage && { ctest --output-on-failure -j $(JOBS) -R '$(TESTS)' || touch failed; }
	@scripts/coverage.py build-coverage
	@! rm build-coverage/failed 2> /dev/null

# Fuzzing by libFuzzer, each fuzzer for so many seconds or, with RUNS=N, executions; what it finds is
# build-fuzz/NAME-crash-….
RUNS ?= 0
SECONDS ?= $(if $(filter 0,$(RUNS)),60,0)
fuzz: ## the file readers on whatever bytes, SECONDS=60 or RUNS=N each (clang)
	@scripts/setup.sh --check clang
	@mkdir -p build-fuzz
	@cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang -DGKV_FUZZ=ON -DGKV_FUZZ_SECONDS=$(SECONDS) \
	    -DGKV_FUZZ_RUNS=$(RUNS) -DBUILD_TESTING=OFF $(CMAKE_ARGS) > build-fuzz/configure.log 2>&1 \
	    || { cat build-fuzz/configure.log; exit 1; }
	@cmake --build build-fuzz -j $(JOBS) --target fuzz

# The table of docs/reliability.md. Failing allocations run in a build that also looks for leaks. MNIST=folder with the
# files of MNIST lets gkvae data get succeed.
TORTURE ?=
torture: ## faults of memory, disk, power and processes; 30 minutes
	@$(MAKE) configure
	@cmake --build $(BUILD) -j $(JOBS) --target torture
	@$(MAKE) configure BUILD=build-torture \
	    CMAKE_ARGS='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DGKV_SANITIZE=address $(CMAKE_ARGS)'
	@cmake --build build-torture -j $(JOBS) --target gkvae-faults
	@/usr/bin/python3 tests/torture/torture.py --build $(BUILD) --leaks build-torture \
	    $(if $(MNIST),--mnist $(MNIST)) $(TORTURE)

# All with one setting, the default one; see docs/lm.md. The files are NIST's to give.
nist: ## the least-squares solver on NIST's 27 problems, NIST_DIR=folder
	@test -n "$(NIST_DIR)" || { echo "make nist: say where the files are: make nist NIST_DIR=folder"; \
	    echo "It holds Misra1a.dat to Bennett5.dat, the 27 data sets of nonlinear regression of NIST's Statistical"; \
	    echo "Reference Datasets: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml"; exit 2; }
	@$(MAKE) configure
	@cmake --build $(BUILD) -j $(JOBS) --target bench_nist
	@$(BUILD)/bench_nist "$(NIST_DIR)"

# The distribution functions against quadruple precision: the table of docs/gk.md. Needs gcc.
accuracy: configure ## the distribution functions against quadruple precision
	@cmake --build $(BUILD) -j $(JOBS) --target bench_accuracy
	@$(BUILD)/bench_accuracy

# The table of docs/fitting.md: whether maximum likelihood ends at the greatest maximum.
starts: configure ## fits of samples of other families beside Nelder and Mead's simplex; 10 to 30 minutes
	@cmake --build $(BUILD) -j $(JOBS) --target bench_starts
	@$(BUILD)/bench_starts

# Puts what it measures into the pages. On a machine with nothing else to do; PyTorch and SciPy
# are left out where they are not installed (bench/peers.sh says which packages they are).
bench: build ## every figure of docs/performance.md anew; 20 minutes
	@cmake --build $(BUILD) -j $(JOBS) --target bench_gemm bench_likelihood bench_fit_speed
	@/usr/bin/python3 bench/refresh.py docs/performance.md
	@/usr/bin/python3 bench/refresh.py docs/data/gemm.md

# DESTDIR=folder stages the files below a folder, as packagers want it.
install: ## program, library, headers, manual pages, completions to PREFIX=/usr/local
	@$(MAKE) build
	@scripts/install.sh $(BUILD) "$(PREFIX)"

uninstall: ## remove what make install installed last
	@scripts/uninstall.sh $(BUILD)

format: ## clang-format on changed lines (SINCE=revision), or with ALL=1 on all files
	@scripts/format.sh $(if $(ALL),--all,$(SINCE))

# clang-tidy reads how each file is compiled by itself.
lint: ## names, words, widths, format and clang-tidy
	@$(MAKE) configure BUILD=build-lint CMAKE_ARGS='-DGKV_TOGETHER=OFF $(CMAKE_ARGS)'
	@scripts/lint.sh build-lint

clean: ## remove the build folders
	rm -rf build build-*
