# SPDX-License-Identifier: GPL-2.0-only

KDIR ?= /lib/modules/$(shell uname -r)/build
DESTDIR ?=
PREFIX ?= /usr/local

TOOLS := tools/lib tools/usherctl tools/python
KBUILD = -C "$(KDIR)" M="$(CURDIR)"
have_headers = $(wildcard $(KDIR)/.config)

define no_headers
No kernel build folder at $(KDIR): the module is not built.
Install the headers of the running kernel, on Debian with
    apt-get install linux-headers-$(shell uname -r)
or name another build folder with KDIR=, for example that of a guest kernel:
    make KDIR="$$(tools/testing/vm/vm kernel 6.12 --kdir)"
endef

# For programs that run make with as many jobs as they think right
alone := env -u MAKEFLAGS -u MFLAGS

# make and kbuild take a path with a space for several paths.
no_space = $(if $(word 2,$(CURDIR)),$(error The module cannot be built in a folder \
	with a space in its path, as here: $(CURDIR); move or copy the tree to one without))

.PHONY: all
all: tools
ifneq ($(have_headers),)
all: modules
else
	$(info $(no_headers))
endif

.PHONY: modules
modules:
ifeq ($(have_headers),)
	$(error $(no_headers))
endif
	$(no_space)
	$(MAKE) $(KBUILD) modules

.PHONY: tools $(TOOLS)
tools: $(TOOLS)

$(TOOLS):
	$(MAKE) -C $@

tools/usherctl: tools/lib

.PHONY: install install-modules install-tools
install: install-tools
ifneq ($(have_headers),)
install: install-modules
endif

# The kernel's own depmod is skipped where the headers have no System.map, as Debian's.
install-modules: modules
	$(MAKE) $(KBUILD) INSTALL_MOD_PATH="$(DESTDIR)" modules_install
ifeq ($(DESTDIR),)
	PATH="$$PATH:/sbin" depmod -a "$$(cat "$(KDIR)/include/config/kernel.release")"
endif

install-tools: tools
	for folder in $(TOOLS); do \
		$(MAKE) -C $$folder install DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" || exit; \
	done

.PHONY: run
run:
	@$(no_space)
	@tools/testing/vm/deps build vm
	@$(MAKE) -s tools
	@$(alone) tools/testing/vm/demo

# The compiler for arm64 is for one step, which is skipped without it.
.PHONY: check
check:
	@$(no_space)
	tools/testing/vm/deps build vm check bench docs $(if $(findstring arm64,$(STEPS)),arm64)
	-tools/testing/vm/deps cross
	$(alone) tools/testing/check/check $(STEPS)

.PHONY: check-all
check-all:
	@$(no_space)
	tools/testing/vm/deps build vm check bench docs cross arm64
	$(alone) tools/testing/check/check --all

# The module's lines that those of these checks execute that use the debug kernel
.PHONY: coverage
coverage:
	@$(no_space)
	tools/testing/vm/deps build vm check
	$(alone) tools/testing/check/check --coverage $(STEPS)

.PHONY: bench
bench:
	@$(no_space)
	@tools/testing/vm/deps build vm bench
	@$(alone) tools/bench/run

.PHONY: docs
docs:
	tools/testing/vm/deps docs
	$(MAKE) -C Documentation html
	@echo "Open build/docs/index.html"

# Of our sources; what the module uses of the kernel is elsewhere.
SOURCES := drivers include tools
CTAGS := ctags --languages=C,C++,Python,Sh --map-C++=-.h --map-C=+.h --exclude='*.mod.c' \
	 --regex-C='/^TRACE_EVENT\(([a-z_]+)/trace_\1/f/' -R

.PHONY: tags
tags:
	tools/testing/vm/deps tags
	$(CTAGS) -f tags $(SOURCES)
	$(CTAGS) -e -f TAGS $(SOURCES)
	find $(SOURCES) -name '*.[ch]' ! -name '*.mod.c' > cscope.files
	cscope -bkq

# How the module is compiled depends on the kernel: KERNEL=debug has its tests, too.
KERNEL ?= 6.12
.PHONY: compile_commands.json
compile_commands.json:
	@$(no_space)
	tools/testing/vm/deps build vm check bench
	$(alone) tools/testing/vm/compile-commands $(KERNEL)

.PHONY: clean
clean:
ifneq ($(have_headers),)
	$(if $(word 2,$(CURDIR)),,$(MAKE) $(KBUILD) clean)
endif
	for folder in $(TOOLS) tools/bench tools/testing/selftests/usher Documentation; do \
		$(MAKE) -C $$folder clean || exit; \
	done
	rm -rf build
	rm -f tags TAGS cscope.files cscope.*out compile_commands.json

.PHONY: help
help:
	@echo 'make            the module (against KDIR) and the tools'
	@echo 'make modules    the module alone'
	@echo 'make tools      libusher and usherctl alone'
	@echo 'make run        the demonstration, in a guest with an emulated disk'
	@echo 'make check      the tests, in guests; STEPS="..." for some (check --help lists them)'
	@echo 'make check-all  also what takes long: guests of arm64, more kernels to compile for'
	@echo 'make coverage   which lines of the module they execute, a table in build/coverage'
	@echo 'make bench      what an I/O costs, in guests, into Documentation/performance'
	@echo 'make docs       the documentation as HTML in build/docs'
	@echo 'make tags       indexes for editors (ctags, etags, cscope)'
	@echo 'make compile_commands.json  for clangd; KERNEL=debug with the unit tests'
	@echo 'make install    module and tools (DESTDIR, PREFIX)'
	@echo 'make clean      removes what was built; the cache of kernels stays'
	@echo
	@echo 'KDIR=folder     kernel build folder ($(KDIR))'
	@echo 'PREFIX=folder   where the tools go ($(PREFIX))'
	@echo 'DESTDIR=folder  put in front of every installed path'
	@echo 'USHER_CACHE=folder  where kernels for guests are kept (~/.cache/usher)'
