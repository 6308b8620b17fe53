package report

import (
	"encoding/json"
	"time"
)

const manifestName = "manifest.json"

// File is one file of a report.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Rows   int64  `json:"rows"` // of data: without headers; of the workbook, of all its tables together
	SHA256 string `json:"sha256"`
}

// Manifest is the content of manifest.json: it binds the files of a report to the run they show.
type Manifest struct {
	Tenant             string    `json:"tenant"`
	Run                int64     `json:"run"`
	Baseline           *int64    `json:"baseline"` // null: none
	Status             string    `json:"status"`
	StartedAt          time.Time `json:"started_at"`
	FinishedAt         time.Time `json:"finished_at"`
	ToolVersion        string    `json:"tool_version"`
	ConfigSHA256       string    `json:"config_sha256"`
	ScopeSHA256        string    `json:"scope_sha256"`
	RootSHA256         string    `json:"root_sha256"`
	PreviousRootSHA256 string    `json:"previous_root_sha256"`
	Files              []File    `json:"files"` // by name
	GuardedCells       int64     `json:"guarded_cells"`
	ReplacedCells      int64     `json:"replaced_cells"`
	ShortenedCells     int64     `json:"shortened_cells"`
}

// writeManifest writes the manifest, and its signature where there is a key.
func writeManifest(f *folder, run Run, res Result, key *SigningKey) error {
	data, err := json.MarshalIndent(Manifest{
		Tenant:             run.Tenant,
		Run:                run.ID,
		Baseline:           run.BaselineID,
		Status:             run.Status,
		StartedAt:          run.StartedAt.UTC(),
		FinishedAt:         run.FinishedAt.UTC(),
		ToolVersion:        run.ToolVersion,
		ConfigSHA256:       run.ConfigSHA256,
		ScopeSHA256:        run.ScopeSHA256,
		RootSHA256:         run.RootSHA256,
		PreviousRootSHA256: run.PreviousRootSHA256,
		Files:              res.Files,
		GuardedCells:       res.GuardedCells,
		ReplacedCells:      res.ReplacedCells,
		ShortenedCells:     res.ShortenedCells,
	}, "", "  ")
	if err != nil {
		return err
	}
	o, err := f.create(manifestName)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := o.Write(data); err != nil {
		return err
	}
	if _, err = f.close(o, 0); err != nil || key == nil {
		return err
	}
	return writeSignature(f, key, run, data)
}
