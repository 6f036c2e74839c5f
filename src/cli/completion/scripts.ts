/** The programs that the scripts complete. */
const PROGRAMS = 'image-credential-binding kubectl-icb';

/**
 * Scripts by name of the shell. Each runs the program with `__complete` and the words up to the cursor, and reads a word and its
 * description per line, and in the last line a directive: 4 means no files.
 */
export const SCRIPTS = {
  bash: `# Completion for bash: source <(image-credential-binding completion bash)
__icb_complete() {
  local output line
  COMPREPLY=()
  output=$("$1" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  while IFS= read -r line; do
    case "$line" in
      :4) type compopt >/dev/null 2>&1 && compopt +o default ;;
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done <<<"$output"
}
complete -o default -F __icb_complete ${PROGRAMS}
`,
  zsh: `#compdef ${PROGRAMS}
# Completion for zsh: source <(image-credential-binding completion zsh)
_icb() {
  local -a lines candidates
  local line
  lines=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines[1,-2]}"; do
    line="\${line//:/\\\\:}"
    candidates+=("\${line/$'\\t'/:}")
  done
  (( \${#candidates} )) && _describe 'completion' candidates
  [[ "\${lines[-1]}" == ":4" ]] || _files
}
compdef _icb ${PROGRAMS}
`,
  fish: `# Completion for fish: image-credential-binding completion fish | source
function __icb_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
  if test (count $lines) -gt 1
    printf '%s\\n' $lines[1..-2]
  end
  if test "$lines[-1]" != ':4'
    __fish_complete_path "$current"
  end
end
for program in ${PROGRAMS}
  complete --command $program --no-files --arguments '(__icb_complete)'
end
`,
} as const;
