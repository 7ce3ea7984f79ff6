package wire

import (
	"encoding/json"

	"autonoma/internal/model"
)

// A Place is one block of a message of a model: a part of its text, one of its
// calls, or something that must be given back as it came. A list of all of
// them, in their order, is what the wires keep in model.Message.Opaque.
type Place struct {
	Text  int             `json:"text,omitempty"` // so many bytes of the text
	Call  bool            `json:"call,omitempty"` // the next call
	Block json.RawMessage `json:"block,omitempty"`
	Note  string          `json:"note,omitempty"` // what a protocol wants to remember of it
}

// A Piece is what stands in a Place. Exactly one of the first three is set; a
// text may be empty.
type Piece struct {
	Text  string
	Call  *model.Call
	Block json.RawMessage
	Note  string
}

// Pieces takes m apart: as layout says or, where there is none or it is not
// that of m, into its text and its calls.
func Pieces(m model.Message, layout []Place) []Piece {
	if pieces, ok := layOut(m, layout); ok {
		return pieces
	}
	pieces := []Piece{{Text: m.Text}}
	for i := range m.Calls {
		pieces = append(pieces, Piece{Call: &m.Calls[i]})
	}
	return pieces
}

func layOut(m model.Message, layout []Place) ([]Piece, bool) {
	var pieces []Piece
	text, calls := m.Text, m.Calls
	for _, p := range layout {
		piece := Piece{Note: p.Note}
		switch {
		case p.Block != nil:
			piece.Block = p.Block
		case p.Call:
			if len(calls) == 0 {
				return nil, false
			}
			piece.Call, calls = &calls[0], calls[1:]
		default:
			if p.Text < 0 || p.Text > len(text) {
				return nil, false
			}
			piece.Text, text = text[:p.Text], text[p.Text:]
		}
		pieces = append(pieces, piece)
	}
	return pieces, len(layout) > 0 && text == "" && len(calls) == 0
}
