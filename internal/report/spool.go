package report

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// rowMark stands for the row number in a spooled row. XML text cannot hold it.
const rowMark = "\x00"

// spool keeps rows of sheet XML on disk until their place on the sheet is known: a line a row, rowMark for its
// number. Its file exists from the first row to close.
type spool struct {
	folder *folder
	name   string
	f      *os.File
	w      *bufio.Writer
}

func (s *spool) add(row []byte) error {
	if s.f == nil {
		f, err := s.folder.openNew("." + s.name + ".rows")
		if err != nil {
			return err
		}
		s.f, s.w = f, bufio.NewWriter(f)
	}
	if _, err := s.w.Write(row); err != nil {
		return err
	}
	return s.w.WriteByte('\n')
}

func (s *spool) empty() bool { return s.f == nil }

// each calls fn with every row in the order added, without the line end. The slice is fn's to use until it returns.
func (s *spool) each(fn func(row []byte) error) error {
	if s.empty() {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(s.f, 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
}

func (s *spool) close() error {
	if s.empty() {
		return nil
	}
	return errors.Join(s.f.Close(), os.Remove(s.f.Name()))
}
