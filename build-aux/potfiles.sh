#!/bin/sh
# Usage: potfiles.sh [--check]
#
# Lists in po/POTFILES.in every file that has text to be translated; with --check, only says whether
# the list is right.
set -eu
LC_ALL=C
export LC_ALL

cd "$(dirname "$0")/.."

list() {
    echo '# Files with text to be translated, sorted. build-aux/potfiles.sh writes this.'
    # Of each kind there are some: none is a failure. In i18n/src/lib.rs are the functions themselves.
    found=$(
        find data -name '*.desktop.in' -o -name '*.metainfo.xml.in' -o -name '*.policy.in' \
            -o -name '*.gschema.xml'
        grep -rlE --include='*.rs' '\bn?gettext(_f)?\(' app/src cli/src
        grep -rlE --include='*.rs' --exclude='lib.rs' '\bn?gettext(_f)?\(' i18n/src
        grep -rl --include='*.ui' 'translatable="yes"' app data
    )
    printf '%s\n' "$found" | sort -u
}

case ${1-} in
    --check) list | diff -u po/POTFILES.in - ;;
    *) list >po/POTFILES.in ;;
esac
