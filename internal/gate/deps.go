package gate

import "context"

func dependencyAudit(context.Context, *Facts) (Measured, error) {
	return skipped("nothing reads dependencies here yet")
}
func licence(context.Context, *Facts) (Measured, error) {
	return skipped("nothing reads dependencies here yet")
}
func publicAPI(context.Context, *Facts) (Measured, error) {
	return skipped("nothing reads exported things here yet")
}
func documentation(context.Context, *Facts) (Measured, error) {
	return skipped("nothing reads exported things here yet")
}
