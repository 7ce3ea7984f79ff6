package gate

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf16"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"autonoma/internal/scan"
)

// Changes are what differs between two commits.
type Changes struct {
	Files               []File
	Insertions, Deletes int
}

// A File is one file of a change.
type File struct {
	Path   string
	Old    string // where it was before; the same unless it was renamed
	Status Status
	Binary bool
	Unread bool        // it is binary, and too large to be looked into
	Added  []scan.Line // by their numbers afterwards
	Gone   []scan.Line // by their numbers before
}

// A Status says what became of a file.
type Status string

// The statuses of files.
const (
	Added    Status = "added"
	Modified Status = "modified"
	Deleted  Status = "deleted"
	Renamed  Status = "renamed"
)

// parse reads a patch as git writes it.
func parse(patch []byte) (Changes, error) {
	files, _, err := gitdiff.Parse(bytes.NewReader(patch))
	if err != nil {
		return Changes{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	var c Changes
	for _, f := range files {
		file := File{Path: f.NewName, Old: f.OldName, Status: Modified, Binary: f.IsBinary}
		switch {
		case f.IsNew:
			file.Status, file.Old = Added, f.NewName
		case f.IsDelete:
			file.Status, file.Path = Deleted, f.OldName
		case f.IsRename:
			file.Status = Renamed
		}
		for _, t := range f.TextFragments {
			file.lines(t)
		}
		c.Insertions, c.Deletes = c.Insertions+len(file.Added), c.Deletes+len(file.Gone)
		c.Files = append(c.Files, file)
	}
	return c, nil
}

// lines takes over the lines of a part of a patch.
func (f *File) lines(t *gitdiff.TextFragment) {
	before, after := int(t.OldPosition), int(t.NewPosition)
	for _, l := range t.Lines {
		text := strings.TrimRight(l.Line, "\r\n")
		switch l.Op {
		case gitdiff.OpAdd:
			f.Added = append(f.Added, scan.Line{Number: after, Text: text})
			after++
		case gitdiff.OpDelete:
			f.Gone = append(f.Gone, scan.Line{Number: before, Text: text})
			before++
		case gitdiff.OpContext:
			before, after = before+1, after+1
		}
	}
}

// openBinaries looks into files that git calls binary: a line in .gitattributes is
// enough for that, and what is hidden so is to be seen.
func (f *Facts) openBinaries(ctx context.Context) error {
	var paths []string
	for _, file := range f.changed.Files {
		if file.Binary && file.Status != Deleted {
			paths = append(paths, file.Path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	head, err := f.Head(ctx)
	if err != nil {
		return err
	}
	if err := head.Fetch(paths...); err != nil {
		return err
	}
	for i := range f.changed.Files {
		file := &f.changed.Files[i]
		if !file.Binary || file.Status == Deleted {
			continue
		}
		data, err := fs.ReadFile(head, file.Path)
		if _, file.Unread = errors.AsType[*fs.PathError](err); file.Unread {
			continue
		}
		if err != nil {
			return err
		}
		data = plainly(data)
		file.Binary = bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0
		n := 0
		for line := range strings.Lines(string(data)) {
			n++
			file.Added = append(file.Added, scan.Line{Number: n, Text: strings.TrimRight(line, "\r\n")})
		}
	}
	return nil
}

// plainly returns text that is in UTF-16 and says so in UTF-8, and all else as it is.
func plainly(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, (len(data)-2)/2)
	for i := range units {
		units[i] = order.Uint16(data[2+2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
