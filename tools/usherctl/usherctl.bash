# SPDX-License-Identifier: GPL-2.0-only
#
# bash completion for usherctl

_usherctl_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_usherctl_nodes()
{
	mapfile -t COMPREPLY < <(compgen -G "/dev/usher[0-9]*" -- | grep -- "^$1")
	[ -n "$1" ] && [ "${1#/}" = "$1" ] &&
		_usherctl_words "$(ls /sys/class/usher 2>/dev/null)" "$1"
}

_usherctl_disks()
{
	_usherctl_words "$(compgen -G '/dev/nvme[0-9]*' |
		grep -E '/nvme[0-9]+(n[0-9]+)?$') $(compgen -G '/dev/disk/by-id/nvme-*' |
		grep -v -e '-part[0-9]*$') $(cd /sys/bus/pci/devices &&
		grep -lx 0x010802 -- */class 2>/dev/null | cut -d/ -f1)" "$1"
}

# Bash takes an address for several words, as it has colons; only the last may be
# replaced.
_usherctl_functions()
{
	local typed=${COMP_LINE:0:COMP_POINT}

	typed=${typed##* }
	_usherctl_words "$(ls /sys/bus/pci/devices 2>/dev/null)" "$typed"
	if [[ "$typed" = *:* && "$COMP_WORDBREAKS" = *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*:}"}"}")
	fi
}

_usherctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} i

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_usherctl_words "list bind unbind info regs slice read write bench exec --help --version" "$word"
		return
	fi

	case $before in
	--input | --output)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return ;;
	--user | --owner)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		return ;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$word")
		return ;;
	--node)
		_usherctl_nodes "$word"
		return ;;
	--rights)
		_usherctl_words "r r,w r,w,f r,w,f,a" "$word"
		return ;;
	--mode)
		_usherctl_words "0400 0600 0660 0666" "$word"
		return ;;
	--workload)
		_usherctl_words "randread seqread randwrite seqwrite" "$word"
		return ;;
	--region)
		_usherctl_words "0 1 2 3 4 5" "$word"
		return ;;
	--width)
		_usherctl_words "8 16 32 64" "$word"
		return ;;
	--range | --slba | --count | --bytes | --max-* | --block-size | --depth | \
	--batch | --threads | --time)
		return ;;
	esac

	# the words of a program to run are that program's affair
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "$command" = exec ] && [ "${COMP_WORDS[i]}" = -- ]; then
			declare -F _command_offset >/dev/null &&
				_command_offset $((i + 1))
			return
		fi
	done

	case $command:$word in
	list:*)		_usherctl_words "--json --help" "$word" ;;
	bind:-*)	_usherctl_words "--raw --force --help" "$word" ;;
	bind:*)
		if [[ " ${COMP_WORDS[*]} " = *" --raw "* ]]; then
			_usherctl_functions "$word"
		else
			_usherctl_disks "$word"
		fi ;;
	unbind:-*)	_usherctl_words "--to-kernel --to-nvme --force --help" "$word" ;;
	info:-*)	_usherctl_words "--json --help" "$word" ;;
	regs:-*)	_usherctl_words "--region --width --json --help" "$word" ;;
	regs:*)
		if [[ "$before" =~ ^(read|write)$ ]]; then
			_usherctl_words "CAP VS CC CSTS NSSR AQA ASQ ACQ CMBLOC CMBSZ" "$word"
		elif [[ "${COMP_WORDS[*]:2:COMP_CWORD-2}" =~ [0-9a-f]\ ?:\ ?[0-9a-f] ]] && [[ "$word$before" != *:* ]]; then
			_usherctl_words "dump read write" "$word"
		else
			_usherctl_functions "$word"
		fi ;;
	read:-*)	_usherctl_words "--range --slba --count --bytes --output --verify --quiet --help" "$word" ;;
	write:-*)	_usherctl_words "--range --slba --count --bytes --input --verify --quiet --help" "$word" ;;
	bench:-*)	_usherctl_words "--workload --overwrite --range --block-size --depth --batch --threads --polled --time --count --json --quiet --help" "$word" ;;
	exec:*)		_usherctl_words "--node --range --rights --max-rings --max-depth --max-pinned --user --help --" "$word" ;;
	slice:*)
		if [ "$COMP_CWORD" -eq 2 ]; then
			_usherctl_words "add remove list --help" "$word"
		elif [ "${word#-}" != "$word" ]; then
			case ${COMP_WORDS[2]} in
			add)	_usherctl_words "--range --rights --max-rings --max-depth --max-pinned --owner --group --mode --help" "$word" ;;
			list)	_usherctl_words "--json --help" "$word" ;;
			esac
		else
			_usherctl_nodes "$word"
		fi ;;
	info:*)
		_usherctl_nodes "$word"
		[ "${#COMPREPLY[@]}" -gt 0 ] || _usherctl_functions "$word" ;;
	unbind:* | read:* | write:* | bench:*)
		_usherctl_nodes "$word" ;;
	esac
}

complete -F _usherctl usherctl
