package autonoma

import (
	"fmt"
	"regexp"
)

// dataMark is what begins or ends a block of data, and must not do so within one.
var dataMark = regexp.MustCompile(`(?i)<(\s*/?\s*data)`)

// Data marks text for a prompt as data: what agents may use and must not obey. What
// would end the block is made harmless, and so is what would begin another.
func Data(from, text string) string {
	return fmt.Sprintf("<data from=%q>%s</data>", from, dataMark.ReplaceAllString(text, "‹$1"))
}
