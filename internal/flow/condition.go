package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"autonoma"
)

// What a condition may use up. It is worked out while a transaction waits.
const (
	maxNodes    = 1_000                  // of an expression, macros expanded
	maxDepth    = 40                     // of its nesting
	maxCost     = 100_000                // steps, as CEL reckons them
	maxElements = 100_000                // of what it makes on the way
	maxProgram  = 1_000                  // instructions of a regular expression
	maxTime     = 250 * time.Millisecond // for a machine that is busy; the cost is the limit
)

// compileCondition compiles a condition, which comes to true or false. There is none
// if it is empty.
//
// Each value has a variable of its own, with dots in its name, so that a word that is
// mistyped or has another type is found before anything runs.
func compileCondition(text string, n names) (cel.Program, error) {
	if text == "" {
		return nil, nil
	}
	opts := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(autonoma.MaxCondition), cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes), cel.RegexProgramSizeLimit(maxProgram), cel.ASTValidators(cel.ValidateRegexLiterals()),
	}
	for _, f := range n.input.fields() {
		if f.plain {
			opts = append(opts, cel.Variable("input."+f.name, f.is))
		}
	}
	for _, id := range n.steps {
		if !identifier.MatchString(id) {
			continue
		}
		for _, name := range sorted(outputs) {
			opts = append(opts, cel.Variable("steps."+id+"."+name, outputs[name].is))
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("flow: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, n.explain(issues)
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("comes to a value of type %s; it must come to true or false", ast.OutputType())
	}
	return env.Program(ast, cel.CostLimit(maxCost), cel.MemoryLimit(maxElements), cel.InterruptCheckFrequency(100))
}

// unknown is how CEL says that a name is not known.
var unknown = regexp.MustCompile(`^undeclared reference to '((?:input|steps)[\w.]*)'`)

// explain says in our words what is wrong with an expression.
func (n names) explain(issues *cel.Issues) error {
	var faults []string
	for _, e := range issues.Errors() {
		says, _, _ := strings.Cut(e.Message, "\n")
		if name := unknown.FindStringSubmatch(says); name != nil {
			if n.input == nil && strings.HasPrefix(name[1], "input.") {
				continue
			}
			if err := n.check(name[1]); err != nil {
				says = err.Error()
			}
		}
		if line := e.Location.Line(); line > 0 {
			says = fmt.Sprintf("at %d:%d: %s", line, e.Location.Column()+1, says)
		}
		faults = append(faults, says)
	}
	if len(faults) == 0 {
		return nil
	}
	const most = 5
	return errors.New(strings.Join(faults[:min(most, len(faults))], "; "))
}

// Decide returns whether a step takes part and, if it does, what is asked of its
// agent, with the blanks filled in. Done is what the steps before it came to.
func Decide(use autonoma.WorkflowUse, step autonoma.Step, done map[string]Came) (skip bool, asks string, err error) {
	given, err := readObject(use.Given)
	if err != nil {
		return false, "", fmt.Errorf("flow: what the run was given: %w", err)
	}
	s, err := readSchema(use.Input)
	if err != nil {
		return false, "", fmt.Errorf("flow: the schema of the input: %w", err)
	}
	holds, err := holds(step.Rules.When, s, given, done)
	if err != nil {
		return false, "", fmt.Errorf("its condition cannot be worked out: %w", err)
	}
	if !holds {
		return true, "", nil
	}
	t, err := parseTemplate(step.Asks)
	return false, t.fill(given, done), err
}

// holds works out a condition.
func holds(text string, s *schema, given map[string]any, done map[string]Came) (bool, error) {
	program, err := compileCondition(text, names{input: s, steps: sorted(done)})
	if err != nil || program == nil {
		return program == nil, err
	}
	vars := map[string]any{}
	for _, f := range s.fields() {
		vars["input."+f.name] = native(dig(given, strings.Split(f.name, ".")), f)
	}
	for id, c := range done {
		for name, o := range outputs {
			vars["steps."+id+"."+name] = o.of(c)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), maxTime)
	defer stop()
	v, _, err := program.ContextEval(ctx, vars)
	if err != nil {
		return false, err
	}
	is, _ := v.Value().(bool)
	return is, nil
}

// native returns a value as conditions see it: numbers as the schema says, and what
// was not given as the empty value of its type.
func native(v any, f field) any {
	switch v := v.(type) {
	case nil:
		return f.empty
	case json.Number:
		if n, err := v.Int64(); err == nil && f.is == cel.IntType {
			return n
		}
		x, _ := v.Float64() // numbers were found to fit
		return x
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = native(v[i], field{})
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = native(v[name], field{})
		}
		return all
	}
	return v
}
