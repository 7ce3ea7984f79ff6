package project

import (
	"context"
	"fmt"
	"io/fs"
)

// A Project is what a look at a checkout tells. All paths are relative to its
// root and separated by slashes; "." is the root. Every text in it comes from
// the checkout and is to be treated as data.
type Project struct {
	Languages []Language `json:"languages,omitempty"` // most lines first
	Commands  Commands   `json:"commands"`

	// Lock is a digest over what decides the outcome of set-up: its commands,
	// lock files and manifests. Two checkouts of one source with the same Lock
	// may share what set-up made. It is empty when there is nothing to set up.
	Lock string `json:"lock,omitempty"`

	// RunsOwn reports whether set-up runs code of the project itself, such as
	// an install script, so that its outcome depends on more than Lock tells.
	RunsOwn bool `json:"runsOwn,omitempty"`

	// Makes names what set-up may leave in the checkout itself and later
	// commands need there (.venv, node_modules). Whoever keeps the outcome of
	// set-up puts these back at the same absolute path, as virtual environments
	// hold absolute paths, and keeps them out of commits.
	Makes []string `json:"makes,omitempty"`

	Docs []Doc `json:"docs,omitempty"` // for people and agents: root first
	CI   []Doc `json:"ci,omitempty"`   // workflow files: hints to read, never to run

	Files int   `json:"files"` // regular files looked at, installed dependencies not counted
	Bytes int64 `json:"bytes"` // their size together

	// Notes say in sentences what was seen and not used, and why.
	Notes []string `json:"notes,omitempty"`
}

// A Language is how much of a project is written in one language.
type Language struct {
	Name  string `json:"name"`
	Files int    `json:"files"`
	Lines int    `json:"lines"` // of files beyond 256 KiB an estimate from their beginning
}

// Commands are what a project is set up and checked with. Each list is in the
// order in which to run it. All but Setup run without a network once Setup ran.
type Commands struct {
	Setup  []Command `json:"setup,omitempty"`
	Build  []Command `json:"build,omitempty"`
	Test   []Command `json:"test,omitempty"`
	Lint   []Command `json:"lint,omitempty"`
	Format []Command `json:"format,omitempty"` // checks: they change nothing and fail when something is to be changed
}

// A Command is one line for sh -c, started in Dir.
type Command struct {
	Run  string `json:"run"`
	Fix  string `json:"fix,omitempty"` // the line that repairs what Run complains of; empty: none known
	Dir  string `json:"dir"`
	From string `json:"from"` // the file that told so
}

// A Doc is a text of the project, valid UTF-8, cut at a line when too long.
type Doc struct {
	Path string `json:"path"`
	Text string `json:"text"`
	Cut  bool   `json:"cut,omitempty"` // Text is the beginning only and ends in a note that says so
}

// Look examines the checkout in fsys. It runs nothing, reads only regular files
// and follows no symlink. Odd content is no error: what cannot be read or
// understood is left out and named in Notes, as is what lies beyond the bounds
// ([MaxFiles] files, [MaxRead] bytes of source text, ten seconds for counting
// lines). The same files give the same Project, unless that time ran out. It returns an error only if the root cannot be listed or
// ctx is done.
func Look(ctx context.Context, fsys fs.FS) (Project, error) {
	t, err := walk(ctx, fsys)
	if err != nil {
		return Project{}, fmt.Errorf("look at the checkout: %w", err)
	}
	f := &findings{notes: t.notes}
	p := Project{
		Languages: countLines(ctx, t, f),
		Docs:      readDocs(t),
		CI:        readCI(t),
		Files:     len(t.files),
		Bytes:     t.bytes(),
	}
	detect(t, p.Docs, f)
	if t.left <= 0 {
		f.note("Looking for commands ended after %d MiB of text: some may be missing.", maxDetect>>20)
	}
	p.Commands, p.Makes, p.Notes = f.Commands, f.madeSorted(), f.notesWithin()
	p.Lock, p.RunsOwn = lock(ctx, t, f), f.runsOwn && len(f.Setup) > 0
	if ctx.Err() != nil {
		return Project{}, fmt.Errorf("look at the checkout: %w", context.Cause(ctx))
	}
	return p, nil
}
