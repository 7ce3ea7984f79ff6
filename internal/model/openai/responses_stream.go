package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// responsesReader puts an answer together. Its terminal events are
// response.completed, response.incomplete and response.failed.
type responsesReader struct {
	info    model.Info
	earlier []model.Message
	items   map[int]json.RawMessage // as they were done
}

type responsesEvent struct {
	Type        string          `json:"type"`
	OutputIndex int             `json:"output_index"`
	Delta       string          `json:"delta"`
	Item        json.RawMessage `json:"item"`
	Response    response        `json:"response"`
}

type response struct {
	ID     string            `json:"id"`
	Model  string            `json:"model"`
	Output []json.RawMessage `json:"output"`
	Error  *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	IncompleteDetails struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Usage struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Details struct {
			Cached     int `json:"cached_tokens"`
			CacheWrite int `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
	} `json:"usage"`
}

type item struct {
	Type      string `json:"type"`
	Phase     string `json:"phase"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
	Encrypted string `json:"encrypted_content"`
	Content   []struct {
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	} `json:"content"`
}

// End is never well: a terminal event has to come.
func (r *responsesReader) End() *model.Answer { return nil }

func (r *responsesReader) Read(e wire.Event) (model.Delta, error) {
	if string(bytes.TrimSpace(e.Data)) == "[DONE]" {
		return model.Delta{}, nil // an imitator's; the terminal event is what counts
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(e.Data, &kind); err != nil {
		return model.Delta{}, fmt.Errorf("event %q: %w", e.Name, err)
	}
	if kind.Type == "error" {
		return model.Delta{}, failure(wire.ReadProblem(e.Data))
	}
	if !slices.Contains(understood, kind.Type) {
		return model.Delta{}, nil
	}
	var ev responsesEvent
	if err := json.Unmarshal(e.Data, &ev); err != nil {
		return model.Delta{}, fmt.Errorf("event %q: %w", kind.Type, err)
	}
	switch ev.Type {
	case "response.output_text.delta":
		return model.Delta{Text: ev.Delta}, nil
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		return model.Delta{Thinking: ev.Delta}, nil
	case "response.output_item.done":
		if r.items == nil {
			r.items = map[int]json.RawMessage{}
		}
		r.items[ev.OutputIndex] = bytes.Clone(ev.Item)
		return model.Delta{}, nil
	}
	return r.finish(ev.Type, ev.Response)
}

// understood are the events that matter; the shape of all others is nothing to
// us.
var understood = []string{
	"response.output_text.delta",
	"response.reasoning_summary_text.delta",
	"response.reasoning_text.delta",
	"response.output_item.done",
	"response.completed",
	"response.incomplete",
	"response.failed",
}

func failure(p wire.Problem) *model.Error {
	err := p.Error(200)
	if err.Kind == "" {
		err.Kind = model.Overloaded
	}
	return err
}

func (r *responsesReader) finish(event string, resp response) (model.Delta, error) {
	u := resp.Usage
	a := model.Answer{
		ID:    resp.ID,
		Model: resp.Model,
		Usage: split(u.Input, u.Details.Cached, u.Details.CacheWrite, u.Output),
		Stop:  model.StopEnd,
	}
	switch reason := resp.IncompleteDetails.Reason; {
	case event == "response.failed":
		p := wire.Problem{Message: "the provider gave no reason"}
		if resp.Error != nil {
			p = wire.Problem{Code: resp.Error.Code, Message: resp.Error.Message}
		}
		err := failure(p)
		err.Usage = a.Usage
		return model.Delta{}, err
	case event == "response.incomplete" && reason == "content_filter":
		return model.Delta{}, &model.Error{Kind: model.Refused, Message: "the provider's filter stopped the answer", Usage: a.Usage}
	case event == "response.incomplete" && reason == "max_output_tokens":
		a.Stop = model.StopLength
	case event == "response.incomplete":
		return model.Delta{}, fmt.Errorf("incomplete for the reason %q, which is not known", reason)
	}
	return r.assemble(a, r.output(resp))
}

// output is all items in their order: those that were done on the way, or else
// those that the terminal event repeats. Servers leave out one or the other.
func (r *responsesReader) output(resp response) []json.RawMessage {
	if len(resp.Output) > len(r.items) {
		return resp.Output
	}
	var items []json.RawMessage
	for _, i := range slices.Sorted(maps.Keys(r.items)) {
		items = append(items, r.items[i])
	}
	return items
}

func (r *responsesReader) assemble(a model.Answer, output []json.RawMessage) (model.Delta, error) {
	var text, refusal strings.Builder
	var calls wire.Calls
	var layout []wire.Place
	special := false // whether the layout says more than text before calls
	for i, raw := range output {
		var it item
		if err := json.Unmarshal(raw, &it); err != nil {
			return model.Delta{}, fmt.Errorf("item %d: %w", i, err)
		}
		switch it.Type {
		case "message":
			before := text.Len()
			for _, c := range it.Content {
				text.WriteString(c.Text)
				refusal.WriteString(c.Refusal)
			}
			layout = append(layout, wire.Place{Text: text.Len() - before, Note: it.Phase})
			special = special || it.Phase != ""
		case "function_call":
			c := calls.Begin(i)
			c.ID, c.Name = it.CallID, it.Name
			c.Whole(it.Arguments)
			layout = append(layout, wire.Place{Call: true})
		case "reasoning":
			if it.Encrypted != "" { // without it, an item that is not stored means nothing
				layout = append(layout, wire.Place{Block: raw})
				special = true
			}
		}
	}
	if refusal.Len() > 0 && text.Len() == 0 && calls.Len() == 0 {
		return model.Delta{}, &model.Error{Kind: model.Refused, Message: refusal.String(), Usage: a.Usage}
	}
	a.Message = model.Message{Role: model.Assistant, Text: text.String(), Calls: calls.List(r.earlier)}
	a.Stop = wire.Stop(a.Stop, len(a.Message.Calls))
	if !special {
		return model.Delta{Done: &a}, nil
	}
	opaque, err := wire.Seal(responsesName, r.info, layout)
	a.Message.Opaque = opaque
	return model.Delta{Done: &a}, err
}
