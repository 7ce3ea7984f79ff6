package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// reader puts an answer together. Its terminal event is message_stop.
type reader struct {
	info    model.Info
	earlier []model.Message

	answer model.Answer
	stop   string
	why    string // what a refusal says
	calls  wire.Calls
	blocks []*incoming
	open   map[int]*incoming
}

// incoming is a block that is being written.
type incoming struct {
	kind      string
	text      strings.Builder // or the thought
	signature string
	data      string // of a thought that is not shown
	call      *wire.CallParts
}

type event struct {
	Type    string `json:"type"`
	Index   int    `json:"index"`
	Message struct {
		ID    string `json:"id"`
		Model string `json:"model"`
		Usage usage  `json:"usage"`
	} `json:"message"`
	ContentBlock struct {
		Type      string          `json:"type"`
		Text      string          `json:"text"`
		Thinking  string          `json:"thinking"`
		Signature string          `json:"signature"`
		Data      string          `json:"data"`
		ID        string          `json:"id"`
		Name      string          `json:"name"`
		Input     json.RawMessage `json:"input"`
	} `json:"content_block"`
	Delta struct {
		Type        string `json:"type"`
		Text        string `json:"text"`
		Thinking    string `json:"thinking"`
		Signature   string `json:"signature"`
		PartialJSON string `json:"partial_json"`
		StopReason  string `json:"stop_reason"`
		StopDetails struct {
			Explanation string `json:"explanation"`
		} `json:"stop_details"`
	} `json:"delta"`
	Usage usage `json:"usage"`
}

// usage is cumulative; what a later event does not name stays as it was.
type usage struct {
	Input      *int `json:"input_tokens"`
	Output     *int `json:"output_tokens"`
	CacheRead  *int `json:"cache_read_input_tokens"`
	CacheWrite *int `json:"cache_creation_input_tokens"`
}

// End is never well: only message_stop ends an answer.
func (r *reader) End() *model.Answer { return nil }

func (r *reader) Read(e wire.Event) (model.Delta, error) {
	var ev event
	if err := json.Unmarshal(e.Data, &ev); err != nil {
		return model.Delta{}, fmt.Errorf("event %q: %w", e.Name, err)
	}
	switch ev.Type {
	case "message_start":
		r.answer.ID, r.answer.Model = ev.Message.ID, ev.Message.Model
		r.count(ev.Message.Usage)
	case "content_block_start":
		return r.begin(ev)
	case "content_block_delta":
		return r.add(ev)
	case "message_delta":
		r.stop, r.why = ev.Delta.StopReason, ev.Delta.StopDetails.Explanation
		r.count(ev.Usage)
	case "message_stop":
		return r.finish()
	case "error":
		err := wire.ReadProblem(e.Data).Error(200)
		if err.Kind == "" {
			err.Kind = model.Overloaded
		}
		err.Usage = r.answer.Usage
		return model.Delta{}, err
	}
	return model.Delta{}, nil // pings, ends of blocks, and what is yet to be invented
}

func (r *reader) count(u usage) {
	for _, c := range []struct {
		from *int
		to   *int
	}{
		{u.Input, &r.answer.Usage.InputTokens},
		{u.Output, &r.answer.Usage.OutputTokens},
		{u.CacheRead, &r.answer.Usage.CacheReadTokens},
		{u.CacheWrite, &r.answer.Usage.CacheWriteTokens},
	} {
		if c.from != nil {
			*c.to = max(*c.from, 0)
		}
	}
}

func (r *reader) begin(ev event) (model.Delta, error) {
	cb := ev.ContentBlock
	b := &incoming{kind: cb.Type, signature: cb.Signature, data: cb.Data}
	if r.open == nil {
		r.open = map[int]*incoming{}
	}
	r.open[ev.Index] = b
	switch cb.Type {
	case "text", "thinking", "redacted_thinking":
	case "tool_use":
		b.call = r.calls.Begin(ev.Index)
		b.call.ID, b.call.Name = cb.ID, cb.Name
		if input := string(cb.Input); input != "{}" && input != "null" && input != "" {
			b.call.Whole(input) // from servers that do not stream it
		}
	default:
		return model.Delta{}, nil // not asked for, and not ours to give back
	}
	r.blocks = append(r.blocks, b)
	b.text.WriteString(cb.Text + cb.Thinking)
	return model.Delta{Text: cb.Text, Thinking: cb.Thinking}, nil
}

func (r *reader) add(ev event) (model.Delta, error) {
	b := r.open[ev.Index]
	if b == nil {
		return model.Delta{}, fmt.Errorf("a piece of block %d, which has not begun", ev.Index)
	}
	d := ev.Delta
	switch d.Type {
	case "text_delta", "thinking_delta":
		b.text.WriteString(d.Text + d.Thinking)
		return model.Delta{Text: d.Text, Thinking: d.Thinking}, nil
	case "signature_delta":
		b.signature += d.Signature
	case "input_json_delta":
		if b.call == nil {
			return model.Delta{}, fmt.Errorf("arguments in block %d, which is %s", ev.Index, b.kind)
		}
		b.call.Write(d.PartialJSON)
	}
	return model.Delta{}, nil
}

func (r *reader) finish() (model.Delta, error) {
	a := r.answer
	switch r.stop {
	case "end_turn", "stop_sequence":
		a.Stop = model.StopEnd
	case "tool_use":
		a.Stop = model.StopCalls
	case "max_tokens":
		a.Stop = model.StopLength
	case "pause_turn":
		a.Stop = model.StopPause
	case "refusal":
		return model.Delta{}, &model.Error{Kind: model.Refused, Message: orElse(r.why, "the model will not answer this"), Usage: a.Usage}
	case "model_context_window_exceeded":
		return model.Delta{}, &model.Error{Kind: model.TooLong, Message: "the answer did not fit into the context window any more", Usage: a.Usage}
	case "":
		return model.Delta{}, &model.Error{Kind: model.Cut, Message: "the answer ended without saying why", Usage: a.Usage}
	default:
		return model.Delta{}, fmt.Errorf("stop_reason %q is not known", r.stop)
	}
	a.Message.Calls = r.calls.List(r.earlier)
	a.Stop = wire.Stop(a.Stop, len(a.Message.Calls))
	var text strings.Builder
	for _, b := range r.blocks {
		if b.kind == "text" {
			text.WriteString(b.text.String())
		}
	}
	a.Message.Text = text.String()
	opaque, err := r.layout()
	a.Message.Opaque = opaque
	return model.Delta{Done: &a}, err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// layout keeps the thoughts and the order of the blocks, or is nil if there are
// no thoughts.
func (r *reader) layout() (json.RawMessage, error) {
	var places []wire.Place
	thoughts := false
	for _, b := range r.blocks {
		switch {
		case b.call != nil:
			places = append(places, wire.Place{Call: true})
		case b.kind == "text":
			places = append(places, wire.Place{Text: b.text.Len()})
		default:
			raw, err := b.asItCame()
			if err != nil {
				return nil, err
			}
			places = append(places, wire.Place{Block: raw})
			thoughts = true
		}
	}
	if !thoughts {
		return nil, nil
	}
	return wire.Seal(wireName, r.info, places)
}

func (b *incoming) asItCame() (json.RawMessage, error) {
	if b.kind == "redacted_thinking" {
		return wire.Marshal(map[string]string{"type": b.kind, "data": b.data})
	}
	return wire.Marshal(map[string]string{"type": b.kind, "thinking": b.text.String(), "signature": b.signature})
}
