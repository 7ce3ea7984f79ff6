package script

import (
	"encoding/json"
	"fmt"
	"strings"

	"autonoma/internal/model"
)

// Check reports how r breaks the rules that every provider enforces: the user
// begins, nothing is empty, ids are unique, each call is answered exactly once
// before anybody else speaks, and every tool has a schema for an object. Calls
// of tools that r does not declare are allowed here, as a model may make them.
func Check(r model.Request) error {
	if err := checkTools(r.Tools); err != nil {
		return err
	}
	if len(r.Messages) == 0 {
		return fmt.Errorf("messages: at least one message is required")
	}
	open, used := map[string]bool{}, map[string]bool{}
	for i, m := range r.Messages {
		if err := checkMessage(i, m, open, used); err != nil {
			return fmt.Errorf("messages.%d: %w", i, err)
		}
	}
	switch last := r.Messages[len(r.Messages)-1]; {
	case len(open) > 0:
		return fmt.Errorf("messages: calls without an answer: %s", strings.Join(keys(open), ", "))
	case last.Role == model.Assistant:
		return fmt.Errorf("messages: the last one is the assistant's, there is nothing to answer")
	}
	return nil
}

func checkMessage(i int, m model.Message, open, used map[string]bool) error {
	if m.Role != model.Tool && len(open) > 0 {
		return fmt.Errorf("calls of the message before have no answer: %s", strings.Join(keys(open), ", "))
	}
	switch m.Role {
	case model.User:
		if strings.TrimSpace(m.Text) == "" {
			return fmt.Errorf("content must not be empty")
		}
	case model.Assistant:
		if i == 0 {
			return fmt.Errorf("the first message must be the user's")
		}
		if m.Text == "" && len(m.Calls) == 0 {
			return fmt.Errorf("content must not be empty")
		}
		for _, c := range m.Calls {
			if c.ID == "" || c.Name == "" || used[c.ID] {
				return fmt.Errorf("call %q of tool %q: needs a name and an id that was not used before", c.ID, c.Name)
			}
			open[c.ID], used[c.ID] = true, true
		}
	case model.Tool:
		if !open[m.Answer] {
			return fmt.Errorf("answers %q, which is not a call of the message before or was answered already", m.Answer)
		}
		delete(open, m.Answer)
	default:
		return fmt.Errorf("role %q does not exist", m.Role)
	}
	return nil
}

func checkTools(tools []model.ToolSpec) error {
	seen := map[string]bool{}
	for i, t := range tools {
		var schema struct {
			Type       string                     `json:"type"`
			Properties map[string]json.RawMessage `json:"properties"`
			Required   []string                   `json:"required"`
		}
		if t.Name == "" || seen[t.Name] {
			return fmt.Errorf("tools.%d: name %q is empty or taken", i, t.Name)
		}
		seen[t.Name] = true
		if err := json.Unmarshal(t.Schema, &schema); err != nil {
			return fmt.Errorf("tools.%d (%s): schema: %w", i, t.Name, err)
		}
		if schema.Type != "object" {
			return fmt.Errorf("tools.%d (%s): schema: type must be object, not %q", i, t.Name, schema.Type)
		}
		for _, name := range schema.Required {
			if _, ok := schema.Properties[name]; !ok {
				return fmt.Errorf("tools.%d (%s): schema: required property %q is not declared", i, t.Name, name)
			}
		}
	}
	return nil
}
