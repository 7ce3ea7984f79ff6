package project

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	maxDocs     = 12       // documents kept
	maxDoc      = 12 << 10 // bytes of one
	maxDocsText = 48 << 10 // bytes of all together
	maxCI       = 3
	maxCIText   = 4 << 10
)

// readDocs returns the texts that tell people and agents how to work here, in
// the order of their authority: instructions for agents before the rest, the
// root before what is below it.
func readDocs(t *tree) []Doc {
	names := rootDocs(t)
	for _, dir := range t.dirsOf("AGENTS.md", "CLAUDE.md") {
		if dir != "." && !aside(dir) {
			names = append(names, t.first(dir, "AGENTS.md", "CLAUDE.md"))
		}
	}
	var docs []Doc
	left := maxDocsText
	for _, p := range names {
		if len(docs) == maxDocs || left <= 0 {
			break
		}
		if d, ok := t.doc(p, min(maxDoc, left)); ok {
			docs = append(docs, d)
			left -= len(d.Text)
		}
	}
	return docs
}

func rootDocs(t *tree) []string {
	var agents, readme, contributing []string
	for _, f := range t.files {
		dir, base := path.Split(f.path)
		stem, _, _ := strings.Cut(strings.ToLower(base), ".")
		switch {
		case dir == "" && (base == "AGENTS.md" || base == "CLAUDE.md"):
			agents = append(agents, f.path)
		case dir == "" && stem == "readme" && strings.Count(base, ".") < 2: // README.zh.md is a translation
			readme = append(readme, f.path)
		case stem == "contributing" && (dir == "" || dir == ".github/" || dir == "docs/"):
			contributing = append(contributing, f.path)
		}
	}
	return slices.Concat(agents, plainest(readme), plainest(contributing))
}

// plainest picks one of several forms of a text, Markdown first.
func plainest(names []string) []string {
	for _, ext := range []string{".md", ".markdown", ".rst", ".adoc", ".txt", ""} {
		for _, n := range names {
			if strings.ToLower(path.Ext(n)) == ext {
				return []string{n}
			}
		}
	}
	return nil
}

// readCI returns the beginnings of the files that tell a forge what to run.
func readCI(t *tree) []Doc {
	var docs []Doc
	for _, f := range t.files {
		if !isCI(f.path) {
			continue
		}
		if d, ok := t.doc(f.path, maxCIText); ok && len(docs) < maxCI {
			docs = append(docs, d)
		}
	}
	return docs
}

func isCI(p string) bool {
	switch p {
	case ".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml", "azure-pipelines.yml", ".woodpecker.yml":
		return true
	}
	dir, ext := path.Dir(p), path.Ext(p)
	return (dir == ".github/workflows" || dir == ".forgejo/workflows" || dir == ".gitea/workflows") && (ext == ".yml" || ext == ".yaml")
}

// doc reads a text and cuts it to limit bytes.
func (t *tree) doc(p string, limit int) (Doc, bool) {
	text, whole := t.read(p, limit)
	if len(bytes.TrimSpace(text)) == 0 || bytes.IndexByte(text, 0) >= 0 {
		return Doc{}, false
	}
	if whole {
		return Doc{Path: p, Text: strings.ToValidUTF8(string(text), "\ufffd")}, true
	}
	if i := bytes.LastIndexByte(text, '\n'); i > 0 {
		text = text[:i+1]
	} else {
		text = []byte(cutRunes(string(text), len(text)-4)) // the last rune may be a part of one
	}
	listed, _ := t.find(p)
	note := fmt.Sprintf("[cut: the first %d of %d bytes; read %s for the rest]\n", len(text), listed.size, printable(p))
	return Doc{Path: p, Text: strings.ToValidUTF8(string(text), "\ufffd") + note, Cut: true}, true
}
