#!/bin/sh
# Makes the pictures of docs/report.md: runs the demo, turns two of its workbooks into pages, and cuts out of these what
# a reader has to see. Call it from anywhere; it needs Go, the PostgreSQL binaries, and what is asked for below.
set -eu

need() {
    command -v "$1" >/dev/null 2>&1 || { echo "pictures.sh: $1 is missing: install $2" >&2; exit 1; }
}
need go "Go"
need soffice "LibreOffice (Debian: libreoffice-calc)"
need pdftoppm "poppler-utils"
need pdftotext "poppler-utils"
need fc-match "fontconfig"
case $(fc-match Arial) in
    Liberation* | [Aa]rial*) ;;
    *) echo "pictures.sh: no font as wide as Arial: install fonts-liberation" >&2; exit 1 ;;
esac

cd "$(dirname "$0")/.."
out=docs/pictures
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$out"
rm -f "$out"/*.png

go run ./cmd/exporter demo --out "$dir/demo" >"$dir/demo.log"
pdf() { # RUN
    soffice --headless "-env:UserInstallation=file://$dir/office" --convert-to pdf --outdir "$dir" "$dir"/demo/acme/"$1"/*.xlsx >"$dir/office.log" 2>&1
}
pdf run-000002-PARTIAL
pdf run-000003

# The number of the first page of a sheet that has a text on it.
page() { # PDF SHEET TEXT
    pdftotext -layout "$1" - | awk -v sheet=" – $2 – page " -v text="$3" '
        BEGIN { RS = "\f" }
        index($0, sheet) && index($0, text) { print NR; found = 1; exit }
        END { if (!found) exit 1 }'
}

# Cuts a part out of a page. Distances are in hundredths of an inch on paper, from its upper left corner.
cut() { # NAME PDF SHEET TEXT DPI X Y WIDTH HEIGHT
    n=$(page "$dir/$2" "$3" "$4") || { echo "pictures.sh: no page of $3 in $2 has \"$4\"" >&2; exit 1; }
    pdftoppm -png -singlefile -f "$n" -r "$5" -x $(($6 * $5 / 100)) -y $(($7 * $5 / 100)) -W $(($8 * $5 / 100)) -H $(($9 * $5 / 100)) \
        "$dir/$2" "$out/$1"
    if command -v pngquant >/dev/null 2>&1; then
        pngquant --force --skip-if-larger --strip --speed 1 --output "$out/$1.png" 16 "$out/$1.png" || [ $? -eq 98 ]
    fi
}

second=audit-acme-run-000002-PARTIAL.pdf
third=audit-acme-run-000003.pdf
cut summary         "$third"  Summary      "May I rely"         110  20  20 1085 720
cut summary-partial "$second" Summary      "May I rely"         110  20  20 1085 280
cut decisions       "$third"  Summary      "Decisions by state" 100  20  30 1085 480
cut coverage        "$second" Coverage     FORBIDDEN            190 160  43  605 300
cut roll-forward    "$third"  Roll-forward Opening              140  20  45  850 445
cut changes         "$third"  Changes      NOT_COMPARABLE       190  20  55  584 545
cut changes-bounds  "$third"  Changes      NOT_COMPARABLE       190 602  55  690 545
cut findings        "$third"  Findings     "of Mei-Ling Chen was to be revoked" 140 20 55 905 690

du -ch "$out"/*.png
