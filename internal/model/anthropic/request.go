package anthropic

import (
	"encoding/json"
	"strings"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

type request struct {
	Model        string        `json:"model"`
	MaxTokens    int           `json:"max_tokens"`
	Stream       bool          `json:"stream"`
	Thinking     *thinking     `json:"thinking,omitempty"`
	OutputConfig *outputConfig `json:"output_config,omitempty"`
	Tools        []tool        `json:"tools,omitempty"`
	System       []block       `json:"system,omitempty"`
	Messages     []message     `json:"messages"`
}

type thinking struct {
	Type         string `json:"type"`
	BudgetTokens int    `json:"budget_tokens,omitempty"`
}

type outputConfig struct {
	Effort string `json:"effort"`
}

type tool struct {
	Name         string          `json:"name"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"input_schema"`
	CacheControl *cacheControl   `json:"cache_control,omitempty"`
}

type message struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`
}

// A block is any of the blocks we make ourselves, or one that is given back as
// it came.
type block struct {
	Type         string          `json:"type"`
	Text         string          `json:"text,omitempty"`
	ID           string          `json:"id,omitempty"`
	Name         string          `json:"name,omitempty"`
	Input        json.RawMessage `json:"input,omitempty"`
	ToolUseID    string          `json:"tool_use_id,omitempty"`
	Content      string          `json:"content,omitempty"`
	IsError      bool            `json:"is_error,omitempty"`
	CacheControl *cacheControl   `json:"cache_control,omitempty"`

	asItCame json.RawMessage
}

// MarshalJSON keeps foreign blocks as they are.
func (b block) MarshalJSON() ([]byte, error) {
	if b.asItCame != nil {
		return b.asItCame, nil
	}
	type plain block
	return wire.Marshal(plain(b))
}

type cacheControl struct {
	Type string `json:"type"`
}

// wireName marks what this package has put into model.Message.Opaque: a list of
// wire.Place, and only for messages with thoughts.
const wireName = "anthropic"

// cachedMessages is how many of the latest messages of the user are marked for
// the cache: the last, for the next turn to read, and the one before, which the
// last turn has written. With tools and system they are the four marks that the
// API allows.
const cachedMessages = 2

// defaultMaxTokens is what every model of the last years can say.
const defaultMaxTokens = 8192

func (m *messages) request(r model.Request) request {
	info := m.client.Info
	req := request{
		Model:     info.Name,
		MaxTokens: maxTokens(r.MaxTokens, info.MaxOutputTokens),
		Stream:    true,
		Messages:  m.conversation(r.Messages),
	}
	for _, t := range r.Tools {
		req.Tools = append(req.Tools, tool{Name: t.Name, Description: t.Description, InputSchema: t.Schema})
	}
	mark := &cacheControl{Type: "ephemeral"}
	if n := len(req.Tools); n > 0 {
		req.Tools[n-1].CacheControl = mark
	}
	if r.System != "" {
		req.System = []block{{Type: "text", Text: r.System, CacheControl: mark}}
	}
	for i, left := len(req.Messages)-1, cachedMessages; i >= 0 && left > 0; i-- {
		if c := req.Messages[i].Content; req.Messages[i].Role == "user" {
			c[len(c)-1].CacheControl = mark
			left--
		}
	}
	m.think(&req, r.Messages)
	return req
}

func maxTokens(wanted, most int) int {
	switch {
	case wanted > 0 && most > 0:
		return min(wanted, most)
	case wanted > 0:
		return wanted
	case most > 0:
		return most
	}
	return defaultMaxTokens
}

// budgets are what models that cannot weigh an effort by themselves may think,
// in tokens.
var budgets = map[string]int{"low": 2048, "medium": 8192, "high": 16384, "xhigh": 32000, "max": 32000}

// think asks for the effort that the model was configured with.
func (m *messages) think(req *request, said []model.Message) {
	effort := m.client.Info.Effort
	if effort == "" {
		return
	}
	if m.client.Thinking != "budget" {
		req.Thinking = &thinking{Type: "adaptive"}
		req.OutputConfig = &outputConfig{Effort: effort}
		return
	}
	const least = 1024
	budget := min(budgets[effort], req.MaxTokens-least)
	if budget >= least && m.mayThink(said) {
		req.Thinking = &thinking{Type: "enabled", BudgetTokens: budget}
	}
}

// mayThink reports whether said may be continued with a thinking budget: such
// models want each message since the user last spoke to begin with their own
// thoughts, which is not so after a fall-back from another model.
func (m *messages) mayThink(said []model.Message) bool {
	for i := len(said) - 1; i >= 0 && said[i].Role != model.User; i-- {
		var layout []wire.Place
		if said[i].Role == model.Assistant && !wire.Open(wireName, m.client.Info, said[i].Opaque, &layout) {
			return false
		}
	}
	return true
}

// conversation translates said. The API wants the two sides to alternate, and
// the answers to all calls of a message at the head of the one that follows.
func (m *messages) conversation(said []model.Message) []message {
	var all []message
	for _, s := range said {
		role, blocks := "user", []block(nil)
		switch s.Role {
		case model.Assistant:
			role, blocks = "assistant", m.spoken(s)
		case model.Tool:
			blocks = []block{toolResult(s)}
		default:
			blocks = text(nil, s.Text)
		}
		if len(blocks) == 0 {
			continue
		}
		if n := len(all); n > 0 && all[n-1].Role == role {
			all[n-1].Content = append(all[n-1].Content, blocks...)
		} else {
			all = append(all, message{Role: role, Content: blocks})
		}
	}
	return all
}

func toolResult(s model.Message) block {
	b := block{Type: "tool_result", ToolUseID: safe(s.Answer), Content: s.Text, IsError: s.Failed}
	if s.Failed && s.Text == "" {
		b.Content = "failed without a word" // the API wants an error to say something
	}
	return b
}

// spoken is what the model said, with its thoughts in their places.
func (m *messages) spoken(s model.Message) []block {
	var layout []wire.Place
	wire.Open(wireName, m.client.Info, s.Opaque, &layout)
	var blocks []block
	for _, p := range wire.Pieces(s, layout) {
		switch {
		case p.Block != nil:
			blocks = append(blocks, block{asItCame: p.Block})
		case p.Call != nil:
			blocks = append(blocks, toolUse(*p.Call))
		default:
			blocks = text(blocks, p.Text)
		}
	}
	return blocks
}

func toolUse(c model.Call) block {
	return block{Type: "tool_use", ID: safe(c.ID), Name: c.Name, Input: wire.ArgsObject(c.Args)}
}

// text adds a block of text, unless there is nothing in it: the API refuses
// empty ones.
func text(blocks []block, s string) []block {
	if strings.TrimSpace(s) == "" {
		return blocks
	}
	return append(blocks, block{Type: "text", Text: s})
}

// safe makes an id of another provider one that the API takes: it knows only
// letters, digits, _ and -.
func safe(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, id)
}
