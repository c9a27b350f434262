// SPDX-License-Identifier: Apache-2.0
// runnel completion: a bash script made from the very tables that parse the command line.
#include "qemu/cli.hpp"

#include <fmt/format.h>
#include <string>

namespace runnel::qemu {
namespace {

std::string words_of(const CLI::App& sub) {
  std::string words;
  for (const CLI::Option* option : sub.get_options())
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  return words;
}

std::string script(const CLI::App& app) {
  std::string names, cases;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    names += sub->get_name() + " ";
    cases += fmt::format("    {}) words='{}' ;;\n", sub->get_name(), words_of(*sub));
  }
  // {0}: the commands; {1}: a case for each with its options.
  return fmt::format(R"bash(# bash completion of runnel: source <(./runnel completion)
_runnel() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= words= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in -*) ;; *) command=${{COMP_WORDS[i]}}; break ;; esac
  done
  case $before in
    --arch) words='x86_64 aarch64 all' ;;
    --boot) words='direct uefi' ;;
    --smp) words='1 2 4 8' ;;
    --topology) words='1x2x2 1x4x2 2x2x2 2x4 2x4x2 n2:2x4 n4:4x2x2 1x8/4' ;;
    --junit|--json|--log|--events|--initrd|--kernel|--serial|--out|--file|--sysroot)
      COMPREPLY=($(compgen -f -- "$word"))
      return ;;
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  case $command in
    '') words='{0}--no-install --release --debug --help' ;;
{1}  esac
  case $command,$word in
    *,-*|,*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    run,*|trace,*) COMPREPLY=($(compgen -f -X '!*.json' -- "$word") $(compgen -d -- "$word")) ;;
    exec,*) COMPREPLY=($(compgen -f -- "$word")) ;;
    test,*|list,*)
      COMPREPLY=($(compgen -W "$("${{COMP_WORDS[0]}}" list 2>/dev/null | cut -d' ' -f1)" -- "$word")) ;;
  esac
}}
complete -F _runnel runnel ./runnel
)bash",
                     names, cases);
}

} // namespace

void add_completion_command(CLI::App& app, Action& action) {
  CLI::App* sub =
      app.add_subcommand("completion", "Prints a completion script for bash: source <(./runnel completion)");
  sub->callback([&app, &action] {
    action = [&app] {
      fmt::print("{}", script(app));
      return ExitStatus::kPassed;
    };
  });
}

} // namespace runnel::qemu
