# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of `screenshare` in bash.  What there is to choose from is asked of the program itself, by
# --help, so that this file never falls behind it:
#
#     screenshare --help           "  status    what is being shared"      the commands
#     screenshare mute --help      "Usage: screenshare mute desktop|microphone|all [--port PORT]"
#                                  words in lower case after the command: to choose from
#                                  --port: an option, here with a value

_screenshare_help() { "$1" "${@:2}" --help 2>/dev/null; }

_screenshare_commands() {
	_screenshare_help "$1" | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'
}

# The usage lines of a command, without "screenshare COMMAND".
_screenshare_usage() {
	_screenshare_help "$1" "$2" | sed -n "s/^\(Usage:\|      \) *screenshare $2\( \|\$\)//p"
}

_screenshare_words() {
	_screenshare_usage "$1" "$2" | sed 's/^\[\([a-z|-]*\)\]/\1/; s/[ .].*//' | tr '|' '\n' | grep '^[a-z]'
}

_screenshare_options() {
	_screenshare_help "$1" "$2" | grep -o -e '--[a-z][a-z-]*' | sort -u
}

# Does this option stand before a word in capitals?
_screenshare_takes_value() {
	_screenshare_help "$1" "$2" | grep -q -e "$3[ =]\[\{0,1\}[A-Z]"
}

# Names, or ids in the trash, of a JSON answer.  Those with escapes in them are left out.
_screenshare_values() {
	"$1" files "$2" --json 2>/dev/null | grep -o "\"$3\":\"[^\"\\\\]*\"" | sed "s/^\"$3\":\"//; s/\"\$//"
}

_screenshare_ports() {
	local path
	for path in "${XDG_RUNTIME_DIR:-/tmp/screenshare-$UID}"/screenshare-*/control.sock; do
		path=${path%/control.sock}
		[[ ${path##*-} = [0-9]* ]] && echo "${path##*-}"
	done
}

# Offers those lines of stdin that begin as the word does, quoted as far as bash needs it.
_screenshare_offer() {
	local line
	while IFS= read -r line; do
		[[ $line = "$2"* ]] && COMPREPLY+=("$(if [ "$1" = names ]; then printf %q "$line"; else echo "$line"; fi)")
	done
}

_screenshare_files() {
	compopt -o filenames 2>/dev/null
	_screenshare_offer plain "$2" < <(compgen "-A$1" -- "$2")
}

_screenshare() {
	local program=$1 word=$2 before=$3 command=${COMP_WORDS[1]} place=0 i
	COMPREPLY=()
	# bash takes --port=8001 apart.
	if [ "$word" = = ]; then
		word=
	elif [ "$before" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$COMP_CWORD" -le 1 ]; then
		_screenshare_offer plain "$word" < <(_screenshare_commands "$program")
		[[ $word = -* ]] && _screenshare_offer plain "$word" < <(printf '%s\n' --help --version)
		return
	fi
	case $before in
	--config) _screenshare_files file "$word" && return ;;
	--state) _screenshare_files directory "$word" && return ;;
	--port) _screenshare_offer plain "$word" < <(_screenshare_ports) && return ;;
	esac
	[[ $before = --* ]] && _screenshare_takes_value "$program" "$command" "$before" && return
	if [[ $word = -* ]]; then
		_screenshare_offer plain "$word" < <(_screenshare_options "$program" "$command"; echo --help)
		return
	fi
	# The how manieth word after the command, options and their values not counted?
	for ((i = 2; i <= COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} = -* && $i -lt $COMP_CWORD ]]; then
			_screenshare_takes_value "$program" "$command" "${COMP_WORDS[i]}" && i=$((i + 1))
		else
			place=$((place + 1))
		fi
	done
	if [ "$place" = 1 ]; then
		_screenshare_offer plain "$word" < <(_screenshare_words "$program" "$command")
		return
	fi
	case "$command ${COMP_WORDS[2]}" in
	'files add') _screenshare_files file "$word" ;;
	'files delete' | 'files rename') _screenshare_offer names "$word" < <(_screenshare_values "$program" list name) ;;
	'files restore') _screenshare_offer plain "$word" < <(_screenshare_values "$program" restore id) ;;
	esac
}

complete -F _screenshare screenshare
