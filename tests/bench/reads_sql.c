/* Prints what the gateway prepares for its reads, for pgbench to run the same statements. */
#include <stdio.h>
#include <stdlib.h>

#include "services/api-gateway/reads.h"

int main(void)
{
    char *sql = reads_setup_sql();

    puts(sql);
    free(sql);
    return EXIT_SUCCESS;
}
