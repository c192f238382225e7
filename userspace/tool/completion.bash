# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of the ipcbook command for bash: commands, options, chapters and
# the names of existing queues. Commands and options are asked of the tool's
# own help, so there is no second list of them here.

# _ipcbook_commands WORD...: what can follow these words of a command's name.
_ipcbook_commands() {
	ipcbook help 2>/dev/null | awk -v before="$*" '
		/^Commands:/ { on = 1; next }
		/^$/ { on = 0 }
		on {
			name = $0
			sub(/^ +/, "", name)
			sub(/  .*/, "", name)
			if (before != "" && index(name, before " ") != 1)
				next
			rest = before == "" ? name : substr(name, length(before) + 2)
			sub(/ .*/, "", rest)
			if (!seen[rest]++)
				print rest
		}'
}

# _ipcbook_options COMMAND...: its long options.
_ipcbook_options() {
	ipcbook help "$@" 2>/dev/null |
		sed -n 's/^  \(-., \|    \)\(--[a-z-]*\).*/\2/p'
}

# _ipcbook_names CHAPTER START: names that begin so, as typed in a shell; of all
# chapters if CHAPTER is empty.
_ipcbook_names() {
	local name
	ipcbook ls ${1:+"$1"} --no-header 2>/dev/null |
		while read -r _ name _; do
			[ "$name" != - ] || continue
			printf -v name %b "$name"
			printf -v name %q "$name"
			[[ $name != "$2"* ]] || printf '%s\n' "$name"
		done
}

_ipcbook() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local valued=' --type -t --upto --not --nth --timeout --count -n --file'
	local word command=() words=() operands=0 before=''

	valued+=' --output --messages --bytes --size --mode --units --value --max --group --mask --limit'
	valued+=' --chapter --lang --delay -d --sort = '
	COMPREPLY=()
	# Of the words before this one: those of a command, and its operands.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ $valued == *" $before "* || $word == [-=]* ]]; then
			:
		elif [[ " signal queue pipe shm ring sem socket " == *" ${command[*]} "* || ${#command[@]} = 0 ]]; then
			[ "$word" = help ] || command+=("$word")
		else
			operands=$((operands + 1))
		fi
		before=$word
	done

	case $previous in
	--file | --output)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		compopt -o filenames 2>/dev/null
		return
		;;
	--chapter) words=(signal socket pipe queue shm ring sem) ;;
	--lang) words=(en zh) ;;
	--sort) words=(traffic chapter name owner depth memory sent received bytes waiters total) ;;
	esac
	if [ ${#words[@]} != 0 ]; then
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current")
		return
	fi
	[[ $valued != *" $previous "* ]] || return

	if [[ $current == -* ]]; then
		if [ ${#command[@]} = 0 ]; then
			words=(--help --version --json)
		else
			mapfile -t words < <(_ipcbook_options "${command[@]}")
		fi
	elif [[ ${#command[@]} = 0 || " signal queue pipe shm ring sem socket " == *" ${command[*]} "* ]]; then
		mapfile -t words < <(_ipcbook_commands "${command[@]}")
	elif [[ ${command[0]} == ls || ${command[0]} == top ]]; then
		words=(signal socket pipe queue shm ring sem)
	elif [[ ${command[0]} == stat ]]; then
		mapfile -t COMPREPLY < <(_ipcbook_names '' "$current")
		return
	elif [[ ${command[0]} =~ ^(signal|kill|queue|pipe|shm|ring|sem|socket)$ ]]; then
		# Only rm takes several names; what follows a name is a message.
		[[ ${command[*]} =~ (rm|kill|signal\ send)$ ]] || [ "$operands" = 0 ] || return
		mapfile -t COMPREPLY < <(_ipcbook_names "${command[0]/kill/signal}" "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current")
}

complete -F _ipcbook ipcbook
