#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: tests/vm/demo.sh [OPTION...]
#
# What `make demo` shows, inside the VM: the story, with these options of its.
# The terminal is outside of the VM: whether there is one, IPCBOOK_COLOUR says.

set -eu

echo "Linux $(uname -r), the module:"
grep '^ipcbook ' /proc/modules
ls -l /dev/ipcbook
echo
[ -z "${IPCBOOK_COLOUR:-}" ] || export CLICOLOR_FORCE=1
exec ipcbook story "$@"
