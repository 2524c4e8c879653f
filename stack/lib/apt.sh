# Packages of one Debian release with apt state of their own, whatever the machine's lists say; nothing is installed. Sourced.
#   KURYR_STACK_MIRROR   another Debian mirror than the one in apt's sources
# shellcheck shell=bash

# private_apt DIR RELEASE: sets APT to an apt-get with its state in DIR that knows RELEASE's packages and sources
private_apt() {
  local dir=$1 mirror=${KURYR_STACK_MIRROR:-} keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -n "$mirror" ] || mirror=$(grep -hv '^#' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ') || true
  [ -n "$mirror" ] || die "no Debian mirror in apt's sources; set KURYR_STACK_MIRROR"
  mkdir -p "$dir"/{lists,cache}/partial "$dir/cache/archives/partial"
  : >"$dir/status"
  printf "%s [signed-by=$keyring] ${mirror%/} $2 main\n" deb deb-src >"$dir/sources.list"
  APT=(apt-get -qq -oDir::Etc::sourcelist="$dir/sources.list" -oDir::Etc::sourceparts=/dev/null
    -oDir::State::Lists="$dir/lists" -oDir::State::status="$dir/status" -oDir::Cache="$dir/cache" -oAPT::Sandbox::User=
    -oAcquire::Languages=none -oAcquire::Retries=3 -oDir::Etc::preferences=/dev/null -oDir::Etc::preferencesparts=/dev/null)
  "${APT[@]}" update
}
