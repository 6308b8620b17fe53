package findings

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// who names a person or thing: by its name, else by its id.
func who(name, id string) string {
	switch {
	case name != "":
		return name
	case id != "":
		return id
	}
	return "not named"
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// observed says between which runs something happened, as far as is known.
func observed(after, before time.Time) string {
	switch {
	case after.IsZero() && before.IsZero():
		return "at a time that no run bounds"
	case after.IsZero():
		return "observed by " + instant(before) + ", with no earlier bound"
	case before.IsZero():
		return "observed after " + instant(after) + ", with no later bound"
	}
	return "observed between " + instant(after) + " and " + instant(before)
}

// fromRun says that a row is older than the run of the report.
func fromRun(run int64) string {
	if run == 0 {
		return ""
	}
	return fmt.Sprintf(" As captured in run %d.", run)
}

// span is a length of time for people, without what is less than a minute beside hours and days.
func span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	const day = 24 * time.Hour
	var parts []string
	if n := d / day; n > 0 {
		parts = append(parts, plural(int64(n), "day"))
	}
	if n := d % day / time.Hour; n > 0 {
		parts = append(parts, fmt.Sprintf("%d h", n))
	}
	if n := d % time.Hour / time.Minute; n > 0 {
		parts = append(parts, fmt.Sprintf("%d min", n))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return strings.Join(parts, " ")
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent writes a share without the noise of binary fractions.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 6, 64) + "%" }

// rounding is more than binary fractions are off by, and less than any two ratios of counts are apart that a report has.
const rounding = 1e-9
