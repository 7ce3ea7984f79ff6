package wire

import (
	"encoding/json"

	"autonoma/internal/model"
)

// sealed is the form of model.Message.Opaque: which wire of which provider
// made it, so that no other is given it, and what it is.
type sealed struct {
	Wire     string          `json:"wire"`
	Provider string          `json:"provider"`
	Data     json.RawMessage `json:"data"`
}

// Seal packs what a provider wants to be given back.
func Seal(name string, info model.Info, data any) (json.RawMessage, error) {
	b, err := Marshal(data)
	if err != nil {
		return nil, err
	}
	return Marshal(sealed{Wire: name, Provider: info.Provider, Data: b})
}

// Open unpacks into data what the same wire has sealed for the same provider,
// and reports whether there was any.
func Open(name string, info model.Info, opaque json.RawMessage, data any) bool {
	var s sealed
	if len(opaque) == 0 || json.Unmarshal(opaque, &s) != nil {
		return false
	}
	return s.Wire == name && s.Provider == info.Provider && json.Unmarshal(s.Data, data) == nil
}
