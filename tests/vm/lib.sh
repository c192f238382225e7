# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts of tests/vm share: where things are, how they speak, and
# how packages of any Debian suite are had without installing them.
#
# Everything lives under build/:
#   build/apt/SUITES/        apt's lists and downloads, our own
#   build/kernels/K/         a kernel made ready by tests/vm/kernel
#   build/kmod/K/            the module built for it by tests/vm/build-module
#   build/vm/                runs in progress, the answer of the KVM probe

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
# depmod and modprobe are where an ordinary user's PATH does not reach.
PATH=$PATH:/usr/sbin:/sbin

# Exit status for "something on the host is missing".
missing_status=253

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }
missing() { printf 'vm: %s\n' "$*" >&2; exit "$missing_status"; }

need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null ||
			missing "$tool is not installed; run tests/setup vm (or: make setup)"
	done
}

# kernel_name K: the directory under build/ that belongs to kernel K.
kernel_name() {
	case $1 in
	*/*) echo "tree-$(printf %s "$(realpath "$1")" | cksum | cut -d' ' -f1)" ;;
	*) echo "$1" ;;
	esac
}

# archive_uri SUITE: where this machine's own apt configuration has SUITE
# from, whichever style it is written in.
archive_uri() {
	# shellcheck disable=SC2016  # the $(...) are apt's own
	apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(RELEASE)' |
		awk -v suite="$1" '$1 == "Packages" && $3 == suite { print $2; exit }'
}

# archive_codename: the Debian release that this machine's apt speaks of.
archive_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# apt_setup SUITE...: an apt world of its own under build/apt, for these
# suites only; afterwards own_apt and own_apt_cache work in it.
apt_setup() {
	local home uri suite main lock keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	need apt-get dpkg-deb flock
	main=$(archive_uri "$(archive_codename)")
	[ -n "$main" ] || missing "apt knows no archive of $(archive_codename); add one to its sources"
	[ -e "$keyring" ] || missing "$keyring is not there; install debian-archive-keyring"
	home=$build/apt/$(IFS=+; echo "$*")
	mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
	# Another may want the same suites, and be reading their lists right now.
	exec {lock}>"$home/lock"
	flock "$lock"
	for suite; do
		uri=$(archive_uri "$suite")
		case $suite in
		*-security) [ -n "$uri" ] || continue ;;
		esac
		echo "deb [signed-by=$keyring] ${uri:-$main} $suite main"
	done >"$home/sources.list.new"
	cat >"$home/apt.conf.new" <<-EOF
		Dir::Etc::sourcelist "$home/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::Lists "$home/lists";
		Dir::Cache "$home/cache";
		Acquire::Languages "none";
		Acquire::Retries "5";
		APT::Sandbox::User "$(id -un)";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	EOF
	mv "$home/sources.list.new" "$home/sources.list"
	mv "$home/apt.conf.new" "$home/apt.conf"
	apt_home=$home
	if [ -z "$(find "$home/lists" -name '*_Packages*' -mmin -720 -print -quit)" ]; then
		say "reading the package lists of $*"
		apt_does "read the lists of $*" update
		# apt keeps the server's time stamps; ours tell the lists' age
		find "$home/lists" -name '*_Packages*' -exec touch {} +
	fi
	exec {lock}>&-
}

own_apt() { apt-get -q -c="$apt_home/apt.conf" "$@"; }
own_apt_cache() { apt-cache -c="$apt_home/apt.conf" "$@"; }

# apt_does WHAT ARGUMENT...: own_apt, which is heard only if it could not do it.
apt_does() {
	local what=$1 said
	shift
	said=$(own_apt "$@" 2>&1) || { echo "$said" >&2; missing "apt could not $what"; }
}

# package_depends PACKAGE: the names it depends on, one a line.
package_depends() {
	own_apt_cache show --no-all-versions "$1" | sed -n 's/^Depends: //p' |
		tr ',' '\n' | sed 's/^ *//; s/[ (|:].*//'
}

# unpack DIRECTORY PACKAGE...: download packages and unpack them there.
unpack() {
	local dir=$1 name n=0 debs
	shift
	mkdir -p "$dir"
	debs=$(mktemp -d "$apt_home/debs.XXXXXX")
	for name; do
		n=$((n + 1))
		say "package $n of $#: $name, $(own_apt_cache show --no-all-versions "$name" |
			awk '/^Size:/ { printf "%.1f MB", $2 / 1e6 }')"
		(cd "$debs" && apt_does "download $name" download "$name") || exit
		dpkg-deb -x "$debs/${name}"_*.deb "$dir" ||
			missing "$name could not be unpacked in $dir"
		rm "$debs/${name}"_*.deb
	done
	rmdir "$debs"
}
