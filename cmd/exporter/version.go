package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"
)

// release is set by the linker for released binaries.
var release = ""

type versionInfo struct {
	Version string // as in the file names of a release, or devel
	Commit  string // empty where the build does not know it
}

// version tells what this program is. It is in every run and report.
var version = sync.OnceValue(func() versionInfo {
	v := versionInfo{Version: release}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	if v.Version == "" {
		v.Version = "devel"
	}
	return v
})

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  exporter version",
		RunE: func(*cobra.Command, []string) error {
			v := version()
			fmt.Fprintf(a.stdout, "exporter %s", v.Version)
			if v.Commit != "" {
				fmt.Fprintf(a.stdout, " (%.12s)", v.Commit)
			}
			fmt.Fprintf(a.stdout, " %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
