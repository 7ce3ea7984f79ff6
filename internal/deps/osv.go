package deps

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"autonoma"
)

// An Advisory is a known vulnerability of a dependency.
type Advisory struct {
	ID      string // as in GHSA-… or GO-…
	Summary string
	Fixed   string // the first version after the dependency's that is fixed, "" if none is known
	Risk    autonoma.Risk
}

// An OSV is a directory of advisories in the format of OSV
// (https://ossf.github.io/osv-schema/). They lie in it as osv.dev publishes them, in
// ECOSYSTEM/all.zip, or as ECOSYSTEM.zip, as files ECOSYSTEM/*.json, or as files *.json
// of any ecosystem. An ecosystem is read when it is first asked for, which for npm takes
// a while; after that only what matches is read again.
type OSV struct {
	root *os.Root

	mu    sync.Mutex
	books map[string]*book
}

// A book is what is known about the packages of one ecosystem.
type book struct {
	files   []fs.FS
	close   []io.Closer
	records map[string][]page // by package
	found   bool              // whether there is any record
}

// A page is where a record is.
type page struct {
	fsys fs.FS
	name string
}

// maxRecord is how long an advisory may be; the longest published one has 2 MB.
const maxRecord = 8 << 20

// OpenOSV opens a directory of advisories. Close it after use.
func OpenOSV(dir string) (*OSV, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the advisories (a directory with a subdirectory for each ecosystem, as osv.dev has them): %w", err)
	}
	return &OSV{root: root, books: map[string]*book{}}, nil
}

// Close closes all files.
func (o *OSV) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []error
	for _, b := range o.books {
		for _, c := range b.close {
			all = append(all, c.Close())
		}
	}
	o.books = map[string]*book{}
	return errors.Join(append(all, o.root.Close())...)
}

// Covers reports whether there are advisories about an ecosystem: without any, that
// nothing matches means nothing.
func (o *OSV) Covers(ecosystem string) (bool, error) {
	b, err := o.book(ecosystem)
	return err == nil && b.found, err
}

// Match returns the advisories about a dependency, by ID. One without a version matches
// nothing. Of a dependency in several affected versions one advisory is returned once.
func (o *OSV) Match(d Dep) ([]Advisory, error) {
	b, err := o.book(d.Ecosystem)
	if err != nil || d.Version == "" {
		return nil, err
	}
	var all []Advisory
	for _, p := range b.records[d.Name] {
		r, err := p.read()
		if err != nil {
			return nil, err
		}
		if a, ok := r.match(d); ok {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b Advisory) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b Advisory) bool { return a.ID == b.ID }), nil
}

// book returns what is known about an ecosystem, reading it the first time.
func (o *OSV) book(ecosystem string) (*book, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if b := o.books[ecosystem]; b != nil {
		return b, nil
	}
	b := &book{records: map[string][]page{}}
	err := b.open(o.root, ecosystem)
	if err == nil {
		err = b.index(ecosystem)
	}
	if err != nil {
		for _, c := range b.close {
			c.Close()
		}
		return nil, fmt.Errorf("read the advisories about %s: %w", ecosystem, err)
	}
	o.books[ecosystem] = b
	return b, nil
}

// open finds where the records of an ecosystem are.
func (b *book) open(root *os.Root, ecosystem string) error {
	for _, name := range []string{ecosystem + "/all.zip", ecosystem + ".zip"} {
		f, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		b.close = append(b.close, f)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		z, err := zip.NewReader(f, info.Size())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.files = append(b.files, z)
	}
	whole := root.FS()
	for _, dir := range []string{".", ecosystem} {
		sub, err := fs.Sub(whole, dir)
		if err != nil {
			return err
		}
		if _, err := fs.Stat(sub, "."); err == nil {
			b.files = append(b.files, sub)
		}
	}
	return nil
}

// index notes which records speak of which package. A record that cannot be read is an
// error: it may be the one that matters.
func (b *book) index(ecosystem string) error {
	for _, fsys := range b.files {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || path.Ext(e.Name()) != ".json" {
				continue
			}
			p := page{fsys, e.Name()}
			r, err := p.read()
			if err != nil {
				return err
			}
			for _, a := range r.Affected {
				if a.ecosystem() == ecosystem && r.Withdrawn == "" {
					name := canonical(ecosystem, a.Package.Name)
					b.found = true
					if at := b.records[name]; len(at) == 0 || at[len(at)-1] != p {
						b.records[name] = append(at, p)
					}
				}
			}
		}
	}
	return nil
}

func (p page) read() (record, error) {
	var r record
	text, err := readFile(p.fsys, p.name, maxRecord)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", p.name, err)
	}
	return r, nil
}
