package model

// BytesPerToken is how many bytes of a text make a token, at least, for texts of
// any language that models are trained on.
const BytesPerToken = 3

// Estimate is at least how many tokens a request has, going by its size.
func Estimate(r Request) int {
	n := len(r.System)
	for _, m := range r.Messages {
		n += len(m.Text) + len(m.Opaque)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Args)
		}
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return n/BytesPerToken + 16*len(r.Messages) + 64
}
