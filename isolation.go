package autonoma

// An Isolation is how commands are confined, and what has shown that they are. It is
// said by the sandbox, whose names these are.
type Isolation struct {
	Level     string   `json:"level"`
	ProvenBy  []string `json:"provenBy,omitempty"`  // what was tried before the level was used, and held
	NotProven []string `json:"notProven,omitempty"` // what was tried and did not hold: the level does not promise it
}
