package model

// Usage counts the tokens of a turn. The four counts do not overlap: their sum
// is all that was billed. Providers that report cached tokens as part of the
// input (OpenAI and its kin) are translated by their wires.
type Usage struct {
	InputTokens      int `json:"input_tokens"`       // read, and neither taken from nor put into a cache
	OutputTokens     int `json:"output_tokens"`      // written, thoughts included
	CacheReadTokens  int `json:"cache_read_tokens"`  // read from the provider's cache
	CacheWriteTokens int `json:"cache_write_tokens"` // read, and put into the provider's cache
}

// Total is the number of all tokens.
func (u Usage) Total() int {
	return u.InputTokens + u.OutputTokens + u.CacheReadTokens + u.CacheWriteTokens
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		InputTokens:      u.InputTokens + v.InputTokens,
		OutputTokens:     u.OutputTokens + v.OutputTokens,
		CacheReadTokens:  u.CacheReadTokens + v.CacheReadTokens,
		CacheWriteTokens: u.CacheWriteTokens + v.CacheWriteTokens,
	}
}

// Cost is what u costs at p, in US dollars. It is 0 when the price is not
// known: look at p.Known before telling anybody that something was free.
func (u Usage) Cost(p Price) float64 {
	return (float64(u.InputTokens)*p.Input +
		float64(u.OutputTokens)*p.Output +
		float64(u.CacheReadTokens)*p.CacheRead +
		float64(u.CacheWriteTokens)*p.CacheWrite) / 1e6
}

// A Price is what a model charges, in US dollars for a million tokens.
type Price struct {
	Input      float64 `json:"input"`
	Output     float64 `json:"output"`
	CacheRead  float64 `json:"cache_read"`
	CacheWrite float64 `json:"cache_write"`
	// Known tells a model that costs nothing from one whose price nobody
	// knows.
	Known bool `json:"known"`
}
