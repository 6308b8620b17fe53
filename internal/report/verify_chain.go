package report

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// folderName is what a report's folder is called.
var folderName = regexp.MustCompile(`^run-(\d{6,18})(` + partialSuffix + `)?$`)

// link is what a folder beside the one that is verified says of its run.
type link struct {
	folder string
	run    int64
	root   string
}

// checkChain compares the previous root with those of the folders beside this one. Only finished runs have a folder,
// but a finished run may have none: the folder of the run before may be missing. So a root that no folder has is a
// difference only where no run can be between.
func (v *verifier) checkChain(ctx context.Context) error {
	c := NewCheck("chain")
	defer func() { v.add(c) }()
	earlier, unusable, err := v.earlier(ctx)
	if err != nil {
		return err
	}
	m := v.manifest
	var last link
	if len(earlier) > 0 {
		last = earlier[0]
	}
	switch at := slices.IndexFunc(earlier, func(l link) bool { return l.root == m.PreviousRootSHA256 }); {
	case m.PreviousRootSHA256 == "" && last.run > 0:
		c.Covered = "the previous root, which is none"
		c.Differ(manifestName, "previous_root_sha256", fmt.Sprintf("the root of a run before: run %d of %s is beside it", last.run, m.Tenant), "none, as of the first run")
	case m.PreviousRootSHA256 == "" && m.Run == 1:
		c.Covered = "no previous root: run 1 is the first there can be"
	case m.PreviousRootSHA256 == "":
		c.Skip("the manifest says it is the first run of %s; no folder beside it tells of an earlier one", m.Tenant)
	case at == 0 || at > 0 && earlier[at].run == last.run:
		c.Covered = fmt.Sprintf("the previous root is that of run %d, as the manifest of %s states it", last.run, earlier[at].folder)
	case at > 0:
		c.Covered = "the previous root, against the folders beside it"
		c.Differ(manifestName, "previous_root_sha256", fmt.Sprintf("%s, of run %d, the last one before", last.root, last.run),
			fmt.Sprintf("%s, of run %d", m.PreviousRootSHA256, earlier[at].run))
	case last.run == m.Run-1:
		c.Covered = "the previous root, against the folders beside it"
		c.Differ(manifestName, "previous_root_sha256", fmt.Sprintf("%s, of run %d", last.root, last.run), m.PreviousRootSHA256)
	case last.run > 0:
		c.Skip("no folder beside it has the previous root %s; the nearest before is that of run %d, and a finished run between may have none%s",
			m.PreviousRootSHA256, last.run, unusable)
	default:
		c.Skip("no folder of an earlier run of %s is beside it%s", m.Tenant, unusable)
	}
	return nil
}

// earlier reads the manifests of the tenant's folders beside this one that are of earlier runs, the nearest first.
// unusable names those that tell nothing, for a sentence's end.
func (v *verifier) earlier(ctx context.Context) (links []link, unusable string, err error) {
	entries, err := os.ReadDir(v.parent)
	if err != nil {
		return nil, "; the folders beside it cannot be listed", nil
	}
	var odd int64
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		name := folderName.FindStringSubmatch(e.Name())
		if name == nil || e.Name() == v.name || !e.IsDir() {
			continue
		}
		run, err := strconv.ParseInt(name[1], 10, 64)
		if err != nil || run >= v.manifest.Run {
			continue
		}
		m, ok := manifestOf(filepath.Join(v.parent, e.Name()))
		switch {
		case !ok || m.Run != run:
			odd++
		case m.Tenant == v.manifest.Tenant:
			links = append(links, link{e.Name(), run, m.RootSHA256})
		}
	}
	slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(b.run, a.run) })
	if odd > 0 {
		unusable = fmt.Sprintf("; %s there without a manifest that fits its name", plural(odd, "folder"))
	}
	return links, unusable, nil
}

// manifestOf reads the manifest of another folder; false where it has none that can be relied on.
func manifestOf(dir string) (Manifest, bool) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Manifest{}, false
	}
	defer root.Close()
	text, what, err := readSmall(root, manifestName, maxManifest)
	if err != nil || what != "" {
		return Manifest{}, false
	}
	m, err := parseManifest(text)
	return m, err == nil
}
