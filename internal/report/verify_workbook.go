package report

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxIndex is how much text a workbook's list of sheets may have.
const maxIndex = 16 << 20

// viewOfSheet is the view that a sheet shows, which may go on as "Review Items (2)"; empty for sheets that the manifest
// does not count.
func viewOfSheet(name string) string {
	for _, t := range filed() {
		if name == t.Sheet || strings.HasPrefix(name, t.Sheet+" (") {
			return t.View
		}
	}
	return ""
}

// countWorkbook counts the rows of the sheets that show views, without their headers.
func (v *verifier) countWorkbook(ctx context.Context, f File, counted rowCount) error {
	o, err := v.open(ctx, f.Name)
	if err != nil {
		return err
	}
	defer o.Close()
	z, err := zip.NewReader(o, f.Bytes)
	if err != nil {
		return err
	}
	parts := map[string]*zip.File{}
	for _, part := range z.File {
		if parts[part.Name] != nil {
			return fmt.Errorf("two parts are named %q", part.Name)
		}
		parts[part.Name] = part
	}
	sheets, err := sheetParts(parts)
	if err != nil {
		return err
	}
	for name, part := range sheets {
		view := viewOfSheet(name)
		if view == "" {
			continue
		}
		n, err := readPart(parts, part, countRows)
		if err != nil {
			return fmt.Errorf("sheet %q: %w", name, err)
		}
		counted[view] += max(n-1, 0)
	}
	return nil
}

// sheetParts gives the part of each sheet, by the sheet's name.
func sheetParts(parts map[string]*zip.File) (map[string]string, error) {
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	var relations struct {
		List []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for part, into := range map[string]any{"xl/workbook.xml": &book, "xl/_rels/workbook.xml.rels": &relations} {
		_, err := readPart(parts, part, func(r io.Reader) (int64, error) { return 0, xml.NewDecoder(io.LimitReader(r, maxIndex)).Decode(into) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
	}
	targets := map[string]string{}
	for _, r := range relations.List {
		if targets[r.ID] = path.Join("xl", r.Target); path.IsAbs(r.Target) {
			targets[r.ID] = r.Target[1:]
		}
	}
	sheets := map[string]string{}
	for _, s := range book.Sheets {
		if _, ok := sheets[s.Name]; ok {
			return nil, fmt.Errorf("two sheets are named %q", s.Name)
		}
		sheets[s.Name] = targets[s.ID]
	}
	return sheets, nil
}

// readPart reads one part of a workbook.
func readPart(parts map[string]*zip.File, name string, read func(io.Reader) (int64, error)) (int64, error) {
	part := parts[name]
	if part == nil {
		return 0, fmt.Errorf("the workbook has no part %q", name)
	}
	r, err := part.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return read(r)
}

// countRows counts the rows in a sheet's XML, the header among them. Text and attributes have no < of their own, so
// that it begins an element wherever it stands, but in comments and the like, which no sheet of ours has.
func countRows(r io.Reader) (int64, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	var n int64
	for {
		switch _, err := b.ReadSlice('<'); {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return 0, err
		}
		next, err := b.Peek(len("row "))
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		switch {
		case len(next) > 0 && next[0] == '!':
			return 0, errors.New("its XML has a comment or a section, in which rows cannot be counted")
		case len(next) == len("row ") && string(next[:3]) == "row" && strings.IndexByte(" >/\t\r\n", next[3]) >= 0:
			n++
		}
	}
}
