package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

// There are 21 gates, each with a rule, and no rule without a gate. What blocks at a
// scope blocks at those above it, for a scope only ever asks for more.
func TestBuiltInPolicy(t *testing.T) {
	p, err := gate.Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(gate.All()) != 21 || len(p.Gates) != 21 {
		t.Errorf("there are %d gates and %d rules, want 21", len(gate.All()), len(p.Gates))
	}
	for _, g := range gate.All() {
		rule := p.Gates[g.ID]
		if g.Name == "" || g.Unit == "" || g.At == 0 || g.Measure == nil || rule.Measured == "" || rule.Blocks == "" {
			t.Errorf("%s: something is missing: %+v", g.ID, rule)
		}
		if rule.Blocks != gate.Never && !rule.Blocks.AtLeast(rule.Measured) {
			t.Errorf("%s blocks from %s on and is measured from %s on only", g.ID, rule.Blocks, rule.Measured)
		}
		for _, s := range autonoma.Scopes {
			if _, ok := rule.Threshold[s]; !ok {
				t.Errorf("%s has no threshold at %s", g.ID, s)
			}
			if s == autonoma.Demo && p.Measures(g.ID, s) != (g.ID == "secrets") {
				t.Errorf("%s: at demo only secrets are looked for", g.ID)
			}
		}
		if rule.Withholds != (g.ID == "secrets") {
			t.Errorf("%s: withholds is %t", g.ID, rule.Withholds)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gates.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// An operator's file changes what it names, and nothing else.
func TestOverride(t *testing.T) {
	file := write(t, "gates:\n  diff_size: {blocks: mvp, threshold: {mvp: 400}}\n  lint: {measured: never}\nlicences: [MIT]\nadvisories: .\n")
	p, err := gate.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	was, err := gate.Default()
	if err != nil {
		t.Fatal(err)
	}
	size := p.Gates["diff_size"]
	if size.Blocks != autonoma.MVP || size.Threshold[autonoma.MVP] != 400 || size.Threshold[autonoma.POC] != was.Gates["diff_size"].Threshold[autonoma.POC] {
		t.Errorf("diff_size is %+v", size)
	}
	if was.Gates["diff_size"].Threshold[autonoma.MVP] == 400 {
		t.Error("the defaults were changed")
	}
	if p.Measures("lint", autonoma.Production) {
		t.Error("lint is measured")
	}
	if len(p.Licences) != 1 || len(p.Protected) != len(was.Protected) || p.Advisories != filepath.Dir(file) {
		t.Errorf("licences %v, protected %v, advisories %s", p.Licences, p.Protected, p.Advisories)
	}
}

// A file that is wrong is refused, with the line and what to do, all of it at once.
func TestOverrideThatIsWrong(t *testing.T) {
	for _, tt := range []struct{ name, text, says string }{
		{"no such gate", "gates:\n  secrte: {blocks: mvp}\n", "line 2: there is no gate secrte; the gates are acmf_validation, "},
		{"no such scope", "gates:\n  secrets: {blocks: gold}\n", `line 2: "gold" is not a scope; write one of [demo poc mvp product production], or never`},
		{"no such key", "gates:\n  secrets:\n    block: mvp\n", "line 3: a gate has no block; it has measured, blocks, withholds and threshold"},
		{"no number", "gates:\n  budget: {threshold: {mvp: much}}\n", `line 2: "much" does not fit here: it must be a number`},
		{"no list", "\nlicences: MIT\n", `line 2: "MIT" does not fit here: it must be a list of texts`},
		{"no such setting", "gate: {}\n", "line 1: there is no setting gate; there are gates, licences"},
		{"twice", "noise: 1\nnoise: 2\n", "line 2: noise is there twice"},
		{"not yaml", "gates: [\n", "line "},
		{"no mapping", "- gates\n", "line 1: must be lines of name: value"},
		{"withheld and let through", "gates:\n  secrets: {blocks: never}\n", "line 2: gate secrets withholds and so must block"},
		{"no advisories", "advisories: nowhere\n", "nowhere is not a directory; name one that holds advisories"},
		{"several", "gates:\n  secrets: {blocks: gold}\nnoise: x\n", "line 3: \"x\" does not fit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.text)
			_, err := gate.Open(file)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), file) {
				t.Errorf("it says %v, want …%s…", err, tt.says)
			}
		})
	}
	if _, err := gate.Open(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a file that is not there is taken")
	}
}
