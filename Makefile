# Builds, runs and tests Tidegate. `make help` lists what there is.
#
#   make                                              everything, into build/
#   make BUILD=build-asan SANITIZE=address,undefined  the same with sanitizers, beside it
#   make BUILD=build-clang CC=clang                   the same with clang

BUILD    ?= build
SANITIZE ?=
export BUILD

# Undefined in a make below this one, which does without make's own variables.
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin CXX)),)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

# --- What there is to build: found, not listed ---

SERVICES        := api-gateway broker orchestrator scheduler provisioner tidectl
COMMON_SOURCES  := $(wildcard common/*/*.c common/*/*.cc)
SERVICE_SOURCES := $(foreach s,$(SERVICES),$(wildcard services/$(s)/*.c services/$(s)/*.cc))
SERVICE_MAINS   := $(wildcard $(SERVICES:%=services/%/main.c))
TEST_SOURCES    := $(wildcard tests/unit/*_test.c tests/integration/*_test.c) tests/differential/reply.c
FUZZ_SOURCES    := $(wildcard tests/fuzz/*.c)

object = $(patsubst %,$(BUILD)/obj/%.o,$(1))

COMMON_LIBRARY    := $(BUILD)/lib/libtidegate.a
SERVICE_LIBRARIES := $(foreach s,$(SERVICES),$(if $(filter-out %/main.c,$(filter services/$(s)/%,$(SERVICE_SOURCES))),\
                       $(BUILD)/lib/lib$(s).a))
PROGRAMS          := $(patsubst services/%/main.c,$(BUILD)/bin/%,$(SERVICE_MAINS)) $(BUILD)/bin/tidegate-topics
BENCH_SOURCES     := $(wildcard tests/bench/*.c)
BENCH_PROGRAMS    := $(BENCH_SOURCES:tests/%.c=$(BUILD)/test/%)
TEST_PROGRAMS     := $(TEST_SOURCES:tests/%.c=$(BUILD)/test/%)
FUZZ_PROGRAMS     := $(FUZZ_SOURCES:tests/%.c=$(BUILD)/%)
# What tests share: scenes, a simulated world.
TEST_HELPERS      := $(filter-out %_test.c,$(wildcard tests/unit/*.c tests/integration/*.c))
TEST_LIBRARY      := $(BUILD)/lib/libtests.a
OBJECTS           := $(call object,$(COMMON_SOURCES) $(SERVICE_SOURCES) $(TEST_SOURCES) $(TEST_HELPERS) $(BENCH_SOURCES) \
                       $(FUZZ_SOURCES) \
                       deploy/dev/topics.c)

# --- How ---

# One short line a step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(2)';)

PACKAGES := rdkafka libpq libevent libevent_pthreads libevent_openssl jansson libcurl openssl cjose re2

# Asked once and only when something is compiled, so that `make help` or `make deps` work where nothing is installed.
once = $(eval $(1) := $(2))$($(1))
PACKAGE_CFLAGS = $(call once,PACKAGE_CFLAGS,$(shell pkg-config --cflags $(PACKAGES) || echo run-make-deps-first))
PACKAGE_LIBS   = $(call once,PACKAGE_LIBS,$(shell pkg-config --libs $(PACKAGES) || echo run-make-deps-first))

# A text that snprintf cuts is cut on purpose here: sizes are bounded everywhere.
WARNINGS  := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror \
             $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
HARDENING := -fPIE -fstack-protector-strong $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANITIZER := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
OPTIMISE  := $(if $(SANITIZE),-O1,-O2) -g

COMMON_FLAGS := $(OPTIMISE) $(WARNINGS) $(HARDENING) $(SANITIZER) -D_GNU_SOURCE -I. -pthread
C_FLAGS      := -std=gnu11 $(COMMON_FLAGS) -Wstrict-prototypes -Wmissing-prototypes $(CFLAGS)
CXX_FLAGS    := -std=c++17 $(COMMON_FLAGS) -fno-exceptions -fno-rtti $(CXXFLAGS)
LINK_FLAGS   := -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZER) $(LDFLAGS)

# Texts that EMBED_TEXT puts into an object (common/base/embed.h) belong to what the object depends on; a line with the
# text alone keeps make going when it is deleted.
define note_embedded
@sed -n 's|^EMBED_TEXT([^,]*, *"\([^"]*\)").*|\1|p' $< | while read -r text; do \
    printf '%s: %s\n%s:\n' '$@' "$$text" "$$text"; done >> $(@:.o=.d)
endef

# Linked by the C++ compiler, for what wraps a C++ library; --as-needed drops libstdc++ everywhere else.
link = $(call say,LINK,$@)$(CXX) $(LINK_FLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(1) $(PACKAGE_LIBS)

# --- Build ---

.PHONY: all
all: $(PROGRAMS) $(COMMON_LIBRARY) $(SERVICE_LIBRARIES)

.PHONY: unit-programs test-programs
unit-programs: $(filter $(BUILD)/test/unit/%,$(TEST_PROGRAMS))
test-programs: $(TEST_PROGRAMS)

# The flags are a dependency too: another compiler or sanitizer in the same folder builds everything anew.
FLAGS_FILE := $(BUILD)/flags
FLAGS_TEXT := $(CC) $(CXX) $(C_FLAGS) $(CXX_FLAGS) $(LINK_FLAGS)
ifneq ($(strip $(file <$(FLAGS_FILE))),$(strip $(FLAGS_TEXT)))
.PHONY: $(FLAGS_FILE)
endif
$(FLAGS_FILE):
	@mkdir -p $(@D) && printf '%s\n' '$(FLAGS_TEXT)' >$@

$(BUILD)/obj/%.c.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(C_FLAGS) $(PACKAGE_CFLAGS) -MMD -MP -c -o $@ $<
	$(note_embedded)

$(BUILD)/obj/%.cc.o: %.cc $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,C++,$<)$(CXX) $(CXX_FLAGS) $(PACKAGE_CFLAGS) -MMD -MP -c -o $@ $<
	$(note_embedded)

# Made anew each time, so that the object of a deleted source does not stay inside.
define archive
@mkdir -p $(@D)
@rm -f $@
$(call say,AR,$@)ar -rcs $@ $(filter %.o,$^)
endef

$(COMMON_LIBRARY): $(call object,$(COMMON_SOURCES)) $(FLAGS_FILE)
	$(archive)

$(TEST_LIBRARY): $(call object,$(TEST_HELPERS)) $(FLAGS_FILE)
	$(archive)

define service_rules
$(BUILD)/lib/lib$(1).a: $(call object,$(filter-out %/main.c,$(filter services/$(1)/%,$(SERVICE_SOURCES)))) $(FLAGS_FILE)
	$$(archive)

$(BUILD)/bin/$(1): $(call object,services/$(1)/main.c) $(filter %/lib$(1).a,$(SERVICE_LIBRARIES)) $(COMMON_LIBRARY)
	@mkdir -p $$(@D)
	$$(call link)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rules,$(s))))

$(BUILD)/bin/tidegate-topics: $(call object,deploy/dev/topics.c)
	@mkdir -p $(@D)
	$(call link)

$(BUILD)/test/%: $(BUILD)/obj/tests/%.c.o $(TEST_LIBRARY) $(SERVICE_LIBRARIES) $(COMMON_LIBRARY)
	@mkdir -p $(@D)
	$(call link,-lcmocka)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.c.o $(COMMON_LIBRARY)
	@mkdir -p $(@D)
	$(call link,-fsanitize=fuzzer)

.SECONDARY: $(OBJECTS)
-include $(OBJECTS:.o=.d)

# --- Run ---

.PHONY: deps up down status demo
deps: ## install what is missing: packages, Kafka
	@deploy/dev/deps

.PHONY: graphiql
graphiql: deps ## fetch GraphiQL's files; what runs without them has no /graphiql
	@deploy/graphiql/install || echo 'going on without GraphiQL'

up: deps graphiql ## start Kafka, PostgreSQL and the five services
	@$(MAKE) --no-print-directory all
	@deploy/dev/up

down: ## stop them (deploy/dev/down --wipe: and remove their data)
	@deploy/dev/down

status: ## what runs, where, ready or not
	@deploy/dev/status || true

demo: deps graphiql ## upgrade a fleet of 40 simulated runtimes and watch
	@$(MAKE) --no-print-directory all
	@deploy/dev/demo

# --- Test ---

ASAN := BUILD=$(BUILD)-asan SANITIZE=address,undefined

.PHONY: test unit unit-asan integration e2e chaos bench bench-orchestrations bench-timers bench-graphql fuzz fuzz-programs
test: deps graphiql ## all suites; the last line counts
	@$(MAKE) --no-print-directory all test-programs
	@$(MAKE) --no-print-directory $(ASAN) all test-programs
	@tests/run

unit: unit-programs ## the unit tests
	@tests/run unit

unit-asan: ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory $(ASAN) unit-programs
	@tests/run unit-asan

integration e2e chaos: deps ## one kind of suites on the real Kafka and PostgreSQL
	@$(MAKE) --no-print-directory all test-programs
	@tests/run $@

bench: deps ## speed and size: upgrades, then the two below it
	@deploy/dev/deps --bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@failed=0; for part in bench orchestrations timers; do \
	    echo "== tests/bench/$$part.py"; tests/bench/$$part.py || failed=1; done; exit $$failed

bench-orchestrations bench-timers: bench-%: deps ## orchestrations of 100,000 beside pgbench, how fast they end; timers
	@deploy/dev/deps --bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@tests/bench/$*.py

bench-graphql: deps ## speed of GraphQL: the engine beside graphql-js, the API beside evhttp and pgbench
	@deploy/dev/deps --bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@tests/bench/graphql.py

FUZZ := BUILD=$(BUILD)-fuzz CC=clang CXX=clang++ SANITIZE=fuzzer-no-link,address,undefined

fuzz: deps ## random documents against the GraphQL engine, FUZZ_SECONDS=30 for each target
	@deploy/dev/deps --lint
	@$(MAKE) --no-print-directory $(FUZZ) fuzz-programs
	@tests/fuzz/run $(BUILD)-fuzz/fuzz

fuzz-programs: $(FUZZ_PROGRAMS)

# --- Check ---

C_FILES   := $(wildcard common/*/*.[ch] common/*/*.cc services/*/*.[ch] services/*/*.cc tests/*/*.[ch] deploy/dev/*.[ch])
TIDY_DONE := $(patsubst %,$(BUILD)/tidy/%.ok,$(COMMON_SOURCES) $(SERVICE_SOURCES) deploy/dev/topics.c)

.PHONY: lint lint-format lint-tidy lint-cppcheck lint-symbols lint-clang format
lint: ## formatting, clang-tidy, cppcheck, and a build with clang
	@deploy/dev/deps --lint
	@$(MAKE) --no-print-directory lint-format lint-cppcheck lint-clang lint-symbols lint-tidy

lint-format:
	clang-format --dry-run -Werror $(C_FILES)

# Only what changed is looked at again.
lint-tidy: $(TIDY_DONE)

$(BUILD)/tidy/%.c.ok: %.c .clang-tidy $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet $< -- -std=gnu11 -D_GNU_SOURCE -I. $(PACKAGE_CFLAGS) 2>$@.log || { cat $@.log; false; }
	@touch $@

$(BUILD)/tidy/%.cc.ok: %.cc .clang-tidy $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet $< -- -std=c++17 -D_GNU_SOURCE -I. $(PACKAGE_CFLAGS) 2>$@.log || { cat $@.log; false; }
	@touch $@

# What it cannot parse (internalAstError) two compilers have parsed.
lint-cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --library=.cppcheck.cfg --suppress=missingIncludeSystem --suppress=internalAstError \
	    --cppcheck-build-dir=$(BUILD)/cppcheck -D_GNU_SOURCE -D__linux__ -I. common services deploy/dev

lint-clang:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-clang CC=clang CXX=clang++ all test-programs $(subst $(BUILD)/,$(BUILD)-clang/,$(BENCH_PROGRAMS))

# Unit tests link all services together: a name that two of them define would silently be the wrong one.
lint-symbols: all
	@nm --defined-only --extern-only $(COMMON_LIBRARY) $(SERVICE_LIBRARIES) 2>/dev/null | awk 'NF == 3 { print $$3 }' | \
	    sort | uniq -d | { twice=$$(cat); [ -z "$$twice" ] || { echo "defined more than once:" $$twice; exit 1; }; }

format: ## put all sources into the project's format
	clang-format -i $(C_FILES)

# --- The rest ---

.PHONY: clean help
clean: ## remove what was built (not .run, not .cache)
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
