# SPDX-License-Identifier: GPL-2.0-only
#
# ipcbook: the module, the library, the tool, their tests and the VM that
# everything can be tried in. `make help` lists what can be asked for.
#
# Everything is built under build/; only the module for the running kernel is
# put beside its sources, as kmod/ipcbook.ko. What is found by wildcard:
#   userspace/lib/*.c       the library        build/lib/
#   userspace/tool/*.c      the command        build/bin/ipcbook
#   tests/chapters/*.c      a program each     build/tests/NAME
#   tests/unit/*.c          a program each     build/tests/unit/NAME
#   tests/bench/*.c         one program        build/bench/ipcbook-bench
#   tests/fuzz/*.c          one program        build/fuzz/ipcbook-fuzz
#   tests/fuzz/parsers/*.c  a program each     build/fuzz/NAME

VERSION := 0.1.0
SONAME  := libipcbook.so.$(firstword $(subst ., ,$(VERSION)))
LIBFILE := libipcbook.so.$(VERSION)

KERNEL ?= 6.1
KVER   ?= $(shell uname -r)
TEST   ?=
CMD    ?=
TIME   ?= 60
STORY  ?=

PREFIX        ?= /usr/local
BINDIR        ?= $(PREFIX)/bin
LIBDIR        ?= $(PREFIX)/lib
INCLUDEDIR    ?= $(PREFIX)/include
MANDIR        ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
UDEVDIR       ?= /etc/udev/rules.d
# Where tshark looks; and where Debian's would, if there is none.
WIRESHARKDIR  ?= $(or $(shell tshark -G folders 2>/dev/null | sed -n 's/^Global Lua Plugins:[[:space:]]*//p'), \
	/usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/wireshark/plugins)
MODULEDIR     ?= /lib/modules/$(KVER)/updates

CC       ?= gcc
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra
NL_CFLAGS := $(shell pkg-config --cflags libnl-genl-3.0 2>/dev/null)
NL_LIBS   := $(shell pkg-config --libs libnl-genl-3.0 2>/dev/null || echo -lnl-genl-3 -lnl-3)
CURSES_CFLAGS := $(shell pkg-config --cflags ncursesw 2>/dev/null)
CURSES_LIBS   := $(shell pkg-config --libs ncursesw 2>/dev/null || echo -lncursesw -ltinfo)
override CPPFLAGS += $(NL_CFLAGS) $(CURSES_CFLAGS) -Iinclude -Iinclude/uapi -D_GNU_SOURCE -DIPCBOOK_VERSION='"$(VERSION)"'
override CFLAGS   += -std=gnu11 $(WARNINGS) -pthread
COMPILE  = $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP

B := build
lib_objects   := $(patsubst userspace/lib/%.c,$B/obj/lib/%.o,$(wildcard userspace/lib/*.c))
tool_objects  := $(patsubst userspace/tool/%.c,$B/obj/tool/%.o,$(wildcard userspace/tool/*.c))
bench_objects := $(patsubst tests/bench/%.c,$B/obj/bench/%.o,$(wildcard tests/bench/*.c))
fuzz_objects := $(patsubst tests/fuzz/%.c,$B/obj/fuzz/%.o,$(wildcard tests/fuzz/*.c))
chapter_sources := $(filter-out %/harness.c %/compat32.c,$(wildcard tests/chapters/*.c))
chapter_tests := $(patsubst tests/chapters/%.c,$B/tests/%,$(chapter_sources))
unit_tests    := $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/*.c)) \
		 $(patsubst tests/unit/%.cc,$B/tests/unit/%,$(wildcard tests/unit/*.cc))
tsan_tests    := $B/tests/unit/ring_tsan
harness       := $(patsubst tests/chapters/%.c,$B/obj/chapters/%.o,$(wildcard tests/chapters/harness.c))
compat32      := $(patsubst tests/chapters/%.c,$B/tests/%,$(wildcard tests/chapters/compat32.c))

library := $(if $(lib_objects),$B/lib/libipcbook.a $B/lib/$(LIBFILE))
tool    := $(if $(tool_objects),$B/bin/ipcbook)
bench   := $(if $(bench_objects),$B/bench/ipcbook-bench)
parsers := $(patsubst tests/fuzz/parsers/%.c,$B/fuzz/%,$(wildcard tests/fuzz/parsers/*.c))
fuzz    := $(if $(fuzz_objects),$B/fuzz/ipcbook-fuzz)

# Where make does not show its commands (-s): now and then, how far it is.
compiled :=
objects := $(words $(lib_objects) $(tool_objects)) + $(if $(filter tests,$(MAKECMDGOALS)),$(words \
	$(bench_objects) $(fuzz_objects) $(chapter_sources) $(unit_tests)),0)
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
tell = $(eval compiled += x)$(if $(silent),$(if $(filter %0,$(words $(compiled))),\
	echo "userspace: $(words $(compiled)) of at most $$(($(objects))) files compiled",:),:)

.DELETE_ON_ERROR:
.SUFFIXES:

##@ Building
.PHONY: all
all: module userspace ## the module for the running kernel, the library and the tool

.PHONY: module
module: ## the module for the running kernel (KVER=release for another), as kmod/ipcbook.ko
	@if [ -e /lib/modules/$(KVER)/build ]; then \
		tests/vm/build-module $(KVER) && cp $B/kmod/$(KVER)/ipcbook.ko kmod/; \
	else \
		echo "The module is left out: there are no headers in /lib/modules/$(KVER)/build."; \
		echo "Install linux-headers-$(KVER) for it, or try it in a VM: make demo, make vm."; \
	fi

.PHONY: userspace
userspace: $(library) $(tool) ## the library and the tool, in build/lib and build/bin

.PHONY: tests
tests: userspace $(chapter_tests) $(unit_tests) $(tsan_tests) $(compat32) $(bench) $(fuzz) ## the test programs and the benchmark

$B/obj/lib/%.o: userspace/lib/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -fPIC -fvisibility=hidden -c -o $@ $<

$B/obj/tool/%.o: userspace/tool/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -c -o $@ $<

$B/obj/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -c -o $@ $<

$B/obj/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -c -o $@ $<

$B/obj/chapters/%.o: tests/chapters/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -c -o $@ $<

$B/obj/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D); $(tell)
	$(COMPILE) -Iuserspace/lib -Iuserspace/tool -c -o $@ $<

$B/obj/unit/%.o: tests/unit/%.cc
	@mkdir -p $(@D); $(tell)
	$(CXX) $(CPPFLAGS) $(filter-out -std=gnu11,$(CFLAGS)) -MMD -MP -c -o $@ $<

$B/lib/libipcbook.a: $(lib_objects)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$B/lib/$(LIBFILE): $(lib_objects) userspace/lib/libipcbook.map
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=userspace/lib/libipcbook.map \
		-Wl,-z,defs $(LDFLAGS) -o $@ $(lib_objects) $(NL_LIBS) -pthread
	@ln -sf $(LIBFILE) $B/lib/$(SONAME)
	@ln -sf $(LIBFILE) $B/lib/libipcbook.so

$B/bin/ipcbook: $(tool_objects) $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NL_LIBS) $(CURSES_LIBS) -lnettle -pthread

$B/bench/ipcbook-bench: $(bench_objects) $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -pthread -lrt -lm

$B/fuzz/ipcbook-fuzz: $(fuzz_objects) $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -pthread

# Parsers, under clang's fuzzer; each includes what it tries, or is linked with it.
$(parsers): $B/fuzz/%: tests/fuzz/parsers/%.c $(wildcard userspace/lib/*.[ch] userspace/tool/*.[ch] include/*/*.h)
	@mkdir -p $(@D)
	clang -g -O1 -std=gnu2x $(WARNINGS) -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(CPPFLAGS) -Iuserspace/lib -Iuserspace/tool -o $@ $< \
		$(filter-out userspace/lib/$(*:lib_%=%).c,$(wildcard userspace/lib/*.c)) \
		$(addprefix userspace/tool/,options.c output.c errors.c) $(NL_LIBS) -pthread

$(chapter_tests): $B/tests/%: $B/obj/chapters/%.o $(harness) $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -pthread -lcmocka -lrt

$(filter-out $(patsubst tests/unit/%.cc,$B/tests/unit/%,$(wildcard tests/unit/*.cc)),$(unit_tests)): \
$B/tests/unit/%: $B/obj/unit/%.o $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -pthread -lcmocka -lrt

$(patsubst tests/unit/%.cc,$B/tests/unit/%,$(wildcard tests/unit/*.cc)): \
$B/tests/unit/%: $B/obj/unit/%.o $B/lib/libipcbook.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(NL_LIBS) -pthread

# What two threads do, once more under ThreadSanitizer.
$B/tests/unit/ring_tsan: tests/unit/ring.c userspace/lib/ring.c userspace/lib/book.c \
include/ipcbook/ring.h include/ipcbook/ipcbook.h include/uapi/linux/ipcbook.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=thread -Wno-tsan -Iuserspace/lib -o $@ $(filter %.c,$^) -lcmocka

# The one 32-bit caller: static, so that no 32-bit library is needed.
$B/tests/compat32: tests/chapters/compat32.c
	@mkdir -p $(@D) $B/obj/chapters
	$(COMPILE) -MF $B/obj/chapters/compat32.d -m32 -static -o $@ $<

.SECONDARY:
-include $(wildcard $B/obj/*/*.d)

##@ Trying and testing (what is missing is installed first; KERNEL=6.1, 6.12, 7.3, debug, kcsan or a kernel build tree)
# What every target that boots a VM needs; debug kernels are built here.
vm_setup := tests/setup build vm $(if $(filter debug kcsan,$(KERNEL)),debug)

.PHONY: setup
setup: ## install all packages that any target here needs
	@tests/setup build vm check lint debug pictures docs browser

.PHONY: vm-ready
vm-ready:
	@$(vm_setup)
	@tests/vm/kernel $(KERNEL)
	@$(MAKE) --no-print-directory -s userspace
	@tests/vm/build-module $(KERNEL)

.PHONY: demo
demo: vm-ready ## two processes try the handbook page by page, in a VM (STORY='--lang zh')
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then export IPCBOOK_COLOUR=1; fi; \
	tests/vm/run --kernel $(KERNEL) --bench-cpu -- tests/vm/demo.sh $(STORY)

.PHONY: vm
vm: vm-ready ## a shell in a VM with the module loaded; CMD='...' runs one command instead
ifeq ($(value CMD),)
	@tests/vm/run --kernel $(KERNEL) --interactive
else
	@tests/vm/run --kernel $(KERNEL) -- sh -c '$(subst ','\'',$(value CMD))'
endif

.PHONY: check
check: ## every test; TEST=queue or TEST=queue/one_case runs a part
	@$(vm_setup) check models
	@tests/check --kernel $(KERNEL) $(TEST)

.PHONY: check-apart
check-apart: ## the module without each chapter in turn: every test of the others
	@$(vm_setup) check
	@tests/check --kernel $(KERNEL) --apart

.PHONY: check-docs
check-docs: ## every command that README and the handbook show, and what it prints
	@$(vm_setup) check
	@tests/check --kernel $(KERNEL) --docs

.PHONY: models
models: ## the ring's protocol, checked by spin; each model's broken twins must fail
	@tests/setup build models
	@tests/models/run

.PHONY: fuzz
fuzz: KERNEL := $(if $(filter file,$(origin KERNEL)),debug,$(KERNEL))
fuzz: ## programs of random calls, for TIME=60 seconds; KERNEL=debug unless told otherwise
	@tests/setup build vm $(if $(filter debug kcsan,$(KERNEL)),debug)
	@tests/fuzz/run --kernel $(KERNEL) --time $(TIME)

.PHONY: fuzz-parsers
fuzz-parsers: ## the parsers of library and tool under clang's fuzzer, TIME=60 seconds each
	@tests/setup build fuzz
	@tests/fuzz/parse $(TIME)

.PHONY: coverage
coverage: ## which lines of kmod/ the tests run, and fuzzing did before
	@$(vm_setup) check pictures
	@tests/check --kernel $(KERNEL) --coverage
	@tests/fuzz/coverage $B/kmod/$(KERNEL)-coverage/ipcbook.ko $B/check/$(KERNEL)/chapters/reached \
		$(if $(wildcard $B/fuzz/reached),-- $B/kmod/debug/ipcbook.ko $B/fuzz/reached)

.PHONY: chaos
chaos: ## hundreds of processes are killed for TIME=60 seconds; what they sent is accounted for
	@$(vm_setup) check
	@IPCBOOK_CHAOS_SECONDS=$(TIME) tests/check --kernel $(KERNEL) chaos
	@grep -h '^# ' $B/check/$(KERNEL)/chapters/chaos.tap $B/check/$(KERNEL)/patching/chaos.tap

.PHONY: docs
docs: ## the handbook as a book, in build/docs/html
	@tests/setup pictures docs
	@Documentation/sphinx/build

.PHONY: bench
bench: vm-ready ## ipcbook against the kernel's own primitives; QUICK=1 for a first look
	@tests/setup pictures
	@$(MAKE) --no-print-directory -s $B/bench/ipcbook-bench
	@tests/bench/run --kernel $(KERNEL) $(if $(QUICK),--quick)

.PHONY: bench-native
bench-native: ## the ring's data path on this machine itself, without the module
	@tests/setup build check
	@$(MAKE) --no-print-directory -s $B/bench/ipcbook-bench
	@$B/bench/ipcbook-bench --chapter ring --where native --root-cgroup \
		$(if $(QUICK),--quick) --output $B/bench-native.json

.PHONY: lint
lint: ## compiler warnings, checkpatch, sparse, shellcheck, the handbook
	@tests/setup build vm check lint pictures docs browser
	@tests/lint $(KERNEL)

##@ Installing (DESTDIR, PREFIX)
pages := $(wildcard $(foreach n,1 3 4 7 8,Documentation/man/*.$n))
installed = $(BINDIR)/ipcbook \
	$(addprefix $(LIBDIR)/,libipcbook.a $(LIBFILE) $(SONAME) libipcbook.so pkgconfig/libipcbook.pc) \
	$(patsubst include/%,$(INCLUDEDIR)/%,$(wildcard include/ipcbook/*.h)) \
	$(INCLUDEDIR)/linux/ipcbook.h \
	$(foreach p,$(pages),$(MANDIR)/man$(subst .,,$(suffix $p))/$(notdir $p)) \
	$(COMPLETIONDIR)/ipcbook \
	$(addprefix $(UDEVDIR)/,$(notdir $(wildcard userspace/udev/*.rules))) \
	$(WIRESHARKDIR)/ipcbook.lua \
	$(MODULEDIR)/ipcbook.ko

.PHONY: install
install: all ## module, udev rule, library, headers, tool, man pages, completion
	install -D -t $(DESTDIR)$(BINDIR) $B/bin/ipcbook
	install -D -m 644 -t $(DESTDIR)$(LIBDIR) $B/lib/libipcbook.a $B/lib/$(LIBFILE)
	ln -sf $(LIBFILE) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(LIBFILE) $(DESTDIR)$(LIBDIR)/libipcbook.so
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	sed -e 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@INCLUDEDIR@,$(INCLUDEDIR),' \
		-e 's,@VERSION@,$(VERSION),' userspace/lib/ipcbook.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/libipcbook.pc
	install -D -m 644 -t $(DESTDIR)$(INCLUDEDIR)/ipcbook include/ipcbook/*.h
	install -D -m 644 -t $(DESTDIR)$(INCLUDEDIR)/linux include/uapi/linux/ipcbook.h
	set -e; for page in $(pages); do \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page; \
	done
	install -D -m 644 userspace/tool/completion.bash $(DESTDIR)$(COMPLETIONDIR)/ipcbook
	install -D -m 644 -t $(DESTDIR)$(UDEVDIR) userspace/udev/*.rules
	install -D -m 644 -t $(DESTDIR)$(WIRESHARKDIR) userspace/wireshark/ipcbook.lua
	if [ -e $B/kmod/$(KVER)/ipcbook.ko ]; then \
		install -D -m 644 -t $(DESTDIR)$(MODULEDIR) $B/kmod/$(KVER)/ipcbook.ko; \
		[ -n "$(DESTDIR)" ] || depmod $(KVER); \
	fi
	[ -n "$(DESTDIR)" ] || ldconfig

.PHONY: uninstall
uninstall: ## take away what install put there
	rm -f $(addprefix $(DESTDIR),$(installed))
	[ ! -d $(DESTDIR)$(INCLUDEDIR)/ipcbook ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(INCLUDEDIR)/ipcbook
	[ -n "$(DESTDIR)" ] || ldconfig
	[ -n "$(DESTDIR)" ] || [ ! -d /lib/modules/$(KVER) ] || depmod $(KVER)

##@ Cleaning
.PHONY: clean
clean: ## what was compiled here; kernels and downloads stay
	rm -rf $B/obj $B/lib $B/bin $B/tests $B/bench $B/docs $B/kmod $B/check $B/fuzz $B/vm kmod/ipcbook.ko

.PHONY: distclean
distclean: clean ## everything that was built or downloaded
	rm -rf $B

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) ":" } \
		/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.DEFAULT_GOAL := all
