package gate

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// destroys is SQL after which data is gone.
var destroys = regexp.MustCompile(`(?i)\b(?:drop\s+(?:table|column|database|schema|collection)|truncate(?:\s+table)?\s+\w|delete\s+from\s+[\w."]+\s*(?:;|"|$)|alter\s+table\s+\S+\s+drop\s+(?:column\s+)?\w)|\b(?:drop_table|drop_column|remove_column|dropTable|dropColumn|removeColumn|DropTable|DropColumn|RemoveField|DeleteModel)\b`)

// goesBack is where a migration begins to be undone: what follows may destroy.
var goesBack = regexp.MustCompile(`(?i)^\s*(?:--\s*\+(?:goose|migrate)\s+down|--\s*down\b|def\s+(?:down|downgrade)\b|(?:exports\.|async\s+|function\s+|public\s+)*down\b\s*[=(]|func\s+(?:\([^)]*\)\s*)?\w*[dD]own\w*\()`)

const manyDeletions = 20 // files

// reversibility counts what a change does that cannot be taken back by taking back the
// change.
func reversibility(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.changes(ctx)
	if err != nil {
		return Measured{}, err
	}
	var places []string
	deleted := 0
	for _, file := range c.Files {
		if file.Status == Deleted {
			deleted++
		}
		if !isMigration(file.Path) || file.Status == Deleted || strings.Contains(path.Base(file.Path), "down") {
			continue
		}
		places = append(places, destructive(file)...)
	}
	if deleted > manyDeletions {
		places = append(places, fmt.Sprintf("%d files are deleted: delete only what the task names", deleted))
	}
	oneWay, err := f.oneWay(ctx, c)
	places = append(places, oneWay...)
	m, _ := counted(places, "nothing that cannot be taken back", "what cannot be taken back")
	return m, err
}

// isMigration reports whether a file changes a database.
func isMigration(p string) bool {
	return under(p, "migrations", "migration", "migrate", "alembic", "versions") && !isTest(p) && !isDoc(p)
}

// destructive returns the new lines of a migration that destroy data on the way
// forward.
func destructive(file File) []string {
	var places []string
	for _, l := range file.Added {
		if goesBack.MatchString(l.Text) {
			return places // the lines of the way back follow
		}
		if destroys.MatchString(l.Text) {
			places = append(places, fmt.Sprintf("%s:%d: data is gone after `%s`: keep it, or copy it first", file.Path, l.Number, clip(strings.TrimSpace(l.Text))))
		}
	}
	return places
}

// oneWay returns the new migrations without a way back, where the others have one.
func (f *Facts) oneWay(ctx context.Context, c Changes) ([]string, error) {
	var places []string
	for _, file := range c.Files {
		if file.Status != Added || !isMigration(file.Path) {
			continue
		}
		base, head, err := f.both(ctx)
		if err != nil {
			return places, err
		}
		if !hasBack(file.Path, head) && othersHaveBack(path.Dir(file.Path), base) {
			places = append(places, file.Path+": has no way back, as the migrations beside it have: write one")
		}
	}
	return places, nil
}

// hasBack reports whether a migration can be undone, by itself or a file beside it.
func hasBack(p string, tree fs.FS) bool {
	if strings.Contains(p, ".down.") {
		return true
	}
	if _, err := fs.Stat(tree, strings.Replace(p, ".up.", ".down.", 1)); err == nil && strings.Contains(p, ".up.") {
		return true
	}
	for line := range strings.Lines(string(content(tree, p))) {
		if goesBack.MatchString(line) {
			return true
		}
	}
	return false
}

// othersHaveBack reports whether all migrations of a directory can be undone.
func othersHaveBack(dir string, base fs.FS) bool {
	list, err := fs.ReadDir(base, dir)
	if err != nil {
		return false
	}
	n := 0
	for _, e := range list {
		if p := path.Join(dir, e.Name()); e.Type().IsRegular() && !isDoc(p) && !strings.HasPrefix(e.Name(), "__") {
			if !hasBack(p, base) {
				return false
			}
			n++
		}
	}
	return n > 0
}
