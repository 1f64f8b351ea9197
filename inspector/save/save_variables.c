/*
 * save_variables: each image in memory -> its file -> its symbols -> those of what may be written to.
 */
#include "inspector/save/save_variables.h"

#include "base/cleanup.h"
#include "inspector/module.h"
#include "inspector/target/savefile/savefile_variables.h"

static struct error *read_space(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

static struct error *put_object(const struct origin *origin, struct space *space,
				const struct region *region, struct savefile_buffer *to)
{
	_cleanup_(elf_variables_fini) struct elf_variables variables = ELF_VARIABLES_EMPTY;
	struct elf_image image = {0};
	struct error *err = elf_image_read(read_space, space, region->start, &image);
	if (error_catch(&err, ERROR_FAULT) || error_catch(&err, ERROR_UNSUPPORTED))
		return NULL; /* unmapped meanwhile, or mapped for what is in it */
	err = err ?: module_variables(origin, region, &image, &variables);
	if (!err && !savefile_put_variables(&image, &variables, to))
		err = error_out_of_memory();
	return err;
}

struct error *save_variables_write(const struct origin *origin, struct space *space,
				   const struct save_objects *objects,
				   struct savefile_writer *writer)
{
	struct savefile_buffer buffer = {0};
	struct error *err = NULL;
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *region = &space->regions.items[i];
		if (save_objects_begin(objects, region))
			err = put_object(origin, space, region, &buffer);
	}
	err = err
		      ?: savefile_writer_add_bytes(writer, SAVEFILE_VARIABLES, buffer.items,
						   buffer.count);
	free(buffer.items);
	return err;
}
