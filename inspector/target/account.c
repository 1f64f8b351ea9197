/* account: an end. */
#include "inspector/target/account.h"

void account_fini(struct account *account)
{
	vec_fini(&account->mappings);
	*account = ACCOUNT_EMPTY;
}
