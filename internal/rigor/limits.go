package rigor

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/sandbox"
)

// Limits bound each command of a run, by the scope of the step that it serves; those
// of dependency installation are a line of their own. The defaults are in policy.yaml.
type Limits map[string]Bounds

// SetupLimits is the line of dependency installation.
const SetupLimits = "setup"

// Bounds are what one command may use.
type Bounds struct {
	sandbox.Limits
	Output int64 // bytes of a long output that are kept in a file for the agent
}

// A Limit is one of the bounds.
type Limit struct {
	Key  string
	Help string
	set  func(*Bounds, string) error
	get  func(Bounds) string
}

// Text returns the value that b has for the limit, in the form in which it is set.
func (l Limit) Text(b Bounds) string { return l.get(b) }

// LimitKeys are all limits there are.
func LimitKeys() []Limit {
	bytes := func(key, help string, at func(*Bounds) *int64) Limit {
		return Limit{key, help, func(b *Bounds, v string) error { return setSize(at(b), v) }, func(b Bounds) string { return sizeText(*at(&b)) }}
	}
	count := func(key, help string, at func(*Bounds) *int) Limit {
		return Limit{key, help, func(b *Bounds, v string) error { return setCount(at(b), v) }, func(b Bounds) string { return strconv.Itoa(*at(&b)) }}
	}
	return []Limit{
		bytes("memory", "of all its processes together", func(b *Bounds) *int64 { return &b.Memory }),
		count("processes", "processes and threads at a time", func(b *Bounds) *int { return &b.Processes }),
		count("openFiles", "open files of each process", func(b *Bounds) *int { return &b.OpenFiles }),
		{"cpu", "cores that it may keep busy; only by cgroup", func(b *Bounds, v string) error { return setCores(&b.CPU, v) },
			func(b Bounds) string { return strconv.FormatFloat(b.CPU, 'g', -1, 64) }},
		bytes("io", "that it may read, and may write, in a second; only by cgroup, and `0` is no bound", func(b *Bounds) *int64 { return &b.IO }),
		{"wall", "time from start to end", func(b *Bounds, v string) error { return setWall(&b.Wall, v) }, func(b Bounds) string { return wallText(b.Wall) }},
		bytes("fileSize", "of any one file that it writes", func(b *Bounds) *int64 { return &b.FileSize }),
		bytes("tmp", "in `/tmp`", func(b *Bounds) *int64 { return &b.Tmp }),
		bytes("disk", "that it may add to the directories of the run", func(b *Bounds) *int64 { return &b.Disk }),
		count("files", "files and directories that it may add there", func(b *Bounds) *int { return &b.Files }),
		bytes("free", "that must stay free on the disk, or a twentieth of a small one", func(b *Bounds) *int64 { return &b.Free }),
		bytes("output", "of a long output that is kept for the agent", func(b *Bounds) *int64 { return &b.Output }),
	}
}

// LimitLines are the lines that limits are set by: the scopes, and that of set-up.
func LimitLines() []string {
	lines := make([]string, 0, len(autonoma.Scopes)+1)
	for _, s := range autonoma.Scopes {
		lines = append(lines, string(s))
	}
	return append(lines, SetupLimits)
}

// of returns the bounds of a scope. Whoever verifies again what was done elsewhere
// knows none, and takes the widest.
func (l Limits) of(s autonoma.Scope) Bounds { return l[string(cmp.Or(s, autonoma.Production))] }

// WithFile is With of what a file holds.
func (l Limits) WithFile(path string) (Limits, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return l, nil
	}
	changed, err := l.With(doc.Content[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return changed, nil
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (l *Limits) UnmarshalYAML(n *yaml.Node) (err error) {
	*l, err = l.With(n)
	return err
}

// With returns l with what n changes of it. All that is wrong is reported at once, by
// line.
func (l Limits) With(n *yaml.Node) (Limits, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: limits are lines of scope: {limit: value}", n.Line)
	}
	changed := maps.Clone(l)
	if changed == nil {
		changed = Limits{}
	}
	var faults []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !slices.Contains(LimitLines(), key.Value) {
			faults = append(faults, fmt.Errorf("line %d: there are no limits of %s; there are those of %s", key.Line, key.Value, strings.Join(LimitLines(), ", ")))
			continue
		}
		b := changed[key.Value]
		faults = append(faults, b.read(key.Value, value)...)
		changed[key.Value] = b
	}
	return changed, errors.Join(faults...)
}

// read takes over one line.
func (b *Bounds) read(of string, n *yaml.Node) (faults []error) {
	if n.Kind != yaml.MappingNode {
		return []error{fmt.Errorf("line %d: limits of %s are {limit: value}", n.Line, of)}
	}
	known := map[string]Limit{}
	var keys []string
	for _, l := range LimitKeys() {
		known[l.Key] = l
		keys = append(keys, l.Key)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		l, ok := known[key.Value]
		if !ok {
			faults = append(faults, fmt.Errorf("line %d: there is no limit %s; there are %s", key.Line, key.Value, strings.Join(keys, ", ")))
			continue
		}
		if err := l.set(b, value.Value); err != nil {
			faults = append(faults, fmt.Errorf("line %d: %s of %s: %q %w", value.Line, key.Value, of, value.Value, err))
		}
	}
	return faults
}

// sizes are the units of sizes, the largest first.
func sizes() []string { return []string{"TiB", "GiB", "MiB", "KiB"} }

func setSize(to *int64, v string) error {
	number, shift := v, 0
	for i, unit := range sizes() {
		if rest, ok := strings.CutSuffix(v, unit); ok {
			number, shift = rest, 10*(len(sizes())-i)
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	bytes := n * float64(int64(1)<<shift)
	switch {
	case err != nil || shift == 0 && n != 0 || !(bytes >= 0) || bytes > 1<<60:
		return errors.New("is not a size as in 512MiB or 4GiB")
	case bytes > 0 && bytes < 4<<10:
		return errors.New("is too little for any command")
	}
	*to = int64(bytes)
	return nil
}

func sizeText(n int64) string {
	for i, unit := range sizes() {
		if one := int64(1) << (10 * (len(sizes()) - i)); n >= one && n%one == 0 {
			return strconv.FormatInt(n/one, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}

func setCount(to *int, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return errors.New("is not a number of at least 1")
	}
	*to = n
	return nil
}

func setCores(to *float64, v string) error {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= 0.01 && n <= 10_000) {
		return errors.New("is not a number of cores, as in 0.5 or 4")
	}
	*to = n
	return nil
}

func setWall(to *time.Duration, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second {
		return errors.New("is not a time of at least a second, as in 90s or 20m")
	}
	*to = d
	return nil
}

// wallText writes whole minutes as such.
func wallText(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return d.String()
}
