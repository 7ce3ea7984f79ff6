package flow

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A meter ends a comparison of a value with a schema that takes too much work. A
// schema can refer to its parts so that each doubles the work of the one before; the
// validator would not stop.
type meter struct{ left int }

const (
	maxWork    = 200_000 // of one comparison, about a microsecond each
	maxPattern = 500     // bytes of a pattern
)

// spent is what a meter panics with when there is nothing left: the validator knows
// no other way to be stopped. [schema.check] recovers.
type spent struct{}

// spend takes note of work.
func (m *meter) spend(n int) {
	if m.left -= n; m.left < 0 {
		panic(spent{})
	}
}

// watch has each part of a schema tell the meter when it is looked at.
func (m *meter) watch(_ *jsonschema.CompilerContext, of map[string]any) (jsonschema.SchemaExt, error) {
	values, _ := of["enum"].([]any)
	return visit{m, 1 + len(values)}, nil
}

type visit struct {
	meter *meter
	costs int
}

// Validate implements [jsonschema.SchemaExt].
func (v visit) Validate(*jsonschema.ValidatorContext, any) { v.meter.spend(v.costs) }

// pattern compiles a regular expression. It takes time in proportion to its size and
// that of the text, so both are told to the meter.
func (m *meter) pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("it has more than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, errors.New("it is no regular expression (RE2)")
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, errors.New("it is too large once its repetitions are written out")
	}
	r, err := regexp.Compile(text)
	return metered{r, m, len(program.Inst)}, err
}

type metered struct {
	*regexp.Regexp
	meter *meter
	size  int
}

// MatchString implements [jsonschema.Regexp].
func (p metered) MatchString(s string) bool {
	p.meter.spend(1 + p.size*len(s)/100)
	return p.Regexp.MatchString(s)
}
