-- A registry of version 2, as that version of the lab wrote it; most measurements left out.
BEGIN TRANSACTION;
CREATE TABLE estimates (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    train_loss REAL NOT NULL,
    val_loss REAL NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (run_id, iter)
) STRICT, WITHOUT ROWID;
INSERT INTO "estimates" VALUES('7ffb0002',0,3.44059467315673828125e+00,3.43687677383422851562e+00,'uFvwu.Lagu
O');
INSERT INTO "estimates" VALUES('7ffb0002',10,3.36121273040771484375e+00,3.35577487945556640625e+00,'uFvwu.Fagu
L');
INSERT INTO "estimates" VALUES('7ffb0002',20,3.33995079994201660156e+00,3.33443164825439453125e+00,'uFvwu.Fagu
L');
INSERT INTO "estimates" VALUES('7ffb0002',30,3.32747936248779296875e+00,3.3211669921875,'uFvwu.Fagu
L');
INSERT INTO "estimates" VALUES('c93fb92f',40,3.2332324981689453125e+00,3.22310996055603027343e+00,'');
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
INSERT INTO "events" VALUES('7ffb0002',0,'machine','cpu, float32, 1 thread',1.79566027313851594928e+09);
INSERT INTO "events" VALUES('7ffb0002',10,'changed','{"learning_rate": [0.01, 0.003]}',1.79566027379953336716e+09);
INSERT INTO "events" VALUES('7ffb0002',15,'resumed','Nothing was lost: weights, optimiser, random numbers and place in the text are those of that step. It goes on with 2 threads instead of 1 thread, so its numbers may not be the same to the last digit.',1.7956602745921137333e+09);
INSERT INTO "events" VALUES('7ffb0002',15,'max_iters','40 -> 60',1.79566027468883013728e+09);
INSERT INTO "events" VALUES('7ffb0002',15,'changed','{"learning_rate": [0.003, 0.002]}',1.79566027473178267473e+09);
INSERT INTO "events" VALUES('7ffb0002',15,'machine','cpu, float32, 2 threads',1.79566027476302576067e+09);
INSERT INTO "events" VALUES('7ffb0002',30,'finished','',1.7956602782821252346e+09);
INSERT INTO "events" VALUES('c85c834d',10,'changed','{"learning_rate": [0.01, 0.003]}',1.79566027839035773278e+09);
INSERT INTO "events" VALUES('c85c834d',12,'changed','{"batch_size": [4, 2], "learning_rate": [0.003, 0.004]}',1.79566027841477060316e+09);
INSERT INTO "events" VALUES('c85c834d',12,'branched','from owl, without what was changed in it later',1.79566027845979428291e+09);
INSERT INTO "events" VALUES('c85c834d',0,'machine','cpu, float32, 1 thread',1.79566027861043620104e+09);
INSERT INTO "events" VALUES('c85c834d',12,'resumed','Nothing was lost: weights, optimiser, random numbers and place in the text are those of that step.',1.7956602788133490086e+09);
INSERT INTO "events" VALUES('c85c834d',60,'finished','',1.7956602792253785133e+09);
INSERT INTO "events" VALUES('f4dcd7ba',10,'changed','{"learning_rate": [0.01, 0.003]}',1.79566027930678868288e+09);
INSERT INTO "events" VALUES('f4dcd7ba',15,'changed','{"learning_rate": [0.003, 0.002]}',1.79566027932811808588e+09);
INSERT INTO "events" VALUES('f4dcd7ba',25,'branched','from owl',1.79566027935994887354e+09);
INSERT INTO "events" VALUES('f4dcd7ba',0,'machine','cpu, float32, 1 thread',1.79566027945472240449e+09);
INSERT INTO "events" VALUES('81fcda44',0,'machine','cpu, float32, 1 thread',1.79566027976238632205e+09);
INSERT INTO "events" VALUES('81fcda44',15,'resumed','3 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step.',1.79566028011881375315e+09);
INSERT INTO "events" VALUES('81fcda44',40,'finished','',1.79566028042909646032e+09);
INSERT INTO "events" VALUES('c54584d4',0,'machine','cpu, float32, 1 thread',1795660280.59451);
INSERT INTO "events" VALUES('c54584d4',15,'resumed','3 steps after it are taken again: weights, optimiser, random numbers and place in the text are those of that step. It goes on with 2 threads instead of 1 thread, so its numbers may not be the same to the last digit.',1.79566028158701634408e+09);
INSERT INTO "events" VALUES('c54584d4',15,'machine','cpu, float32, 2 threads',1.7956602816814098358e+09);
INSERT INTO "events" VALUES('c54584d4',40,'finished','',1.79566028595560622221e+09);
INSERT INTO "events" VALUES('a7936b25',0,'machine','cpu, float32, 1 thread',1.79566028610755205156e+09);
INSERT INTO "events" VALUES('a7936b25',0,'resumed','8 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step. There was no checkpoint yet, so it starts again from step 0.',1.79566028631004619598e+09);
INSERT INTO "events" VALUES('fd354a1d',0,'machine','cpu, float32, 1 thread',1.79566028664752101902e+09);
INSERT INTO "events" VALUES('fd354a1d',15,'resumed','3 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step.',1.79566028695883965491e+09);
INSERT INTO "events" VALUES('fd354a1d',15,'resumed','15 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step. The checkpoint checkpoint-000000030.pt cannot be read: the file is damaged or cut short.',1.7956602872268559932e+09);
INSERT INTO "events" VALUES('fd354a1d',40,'finished','',1.79566028751826715472e+09);
INSERT INTO "events" VALUES('f4f2bd9c',0,'machine','cpu, float32, 1 thread',1.79566028761631488802e+09);
INSERT INTO "events" VALUES('f4f2bd9c',7,'diverged','',1.79566028794798946376e+09);
INSERT INTO "events" VALUES('f4f2bd9c',7,'failed','At step 8 the loss was nan and the gradient''s norm nan: the run has diverged. Try a smaller learning_rate (it was 100), or a longer warm-up.',1.79566028804112076764e+09);
INSERT INTO "events" VALUES('4883fced',0,'race','0e2eb31a: 30 seconds for each model',1.79566028808322596553e+09);
INSERT INTO "events" VALUES('09fe2e04',0,'race','0e2eb31a: 30 seconds for each model',1.79566028817479228976e+09);
INSERT INTO "events" VALUES('899dca9a',0,'race','0e2eb31a: 30 seconds for each model',1.79566028821102070811e+09);
INSERT INTO "events" VALUES('4883fced',0,'machine','cpu, float32, 1 thread',1.79566028843165850642e+09);
INSERT INTO "events" VALUES('09fe2e04',0,'machine','cpu, float32, 1 thread',1.79566028855890893935e+09);
INSERT INTO "events" VALUES('899dca9a',0,'machine','cpu, float32, 1 thread',1.79566028870289349549e+09);
INSERT INTO "events" VALUES('4883fced',20,'finished','',1.79566028949439072609e+09);
INSERT INTO "events" VALUES('09fe2e04',20,'finished','',1.79566029055813074113e+09);
INSERT INTO "events" VALUES('899dca9a',20,'finished','',1.79566029162394690506e+09);
INSERT INTO "events" VALUES('2fbd4563',0,'race','54eecf02: 20 steps for each model',1.79566029165228986741e+09);
INSERT INTO "events" VALUES('a180b7f8',0,'race','54eecf02: 20 steps for each model',1.79566029169846534726e+09);
INSERT INTO "events" VALUES('083b0a19',0,'race','54eecf02: 20 steps for each model',1.79566029173272824286e+09);
INSERT INTO "events" VALUES('2fbd4563',0,'machine','cpu, float32, 1 thread',1.79566029185521769525e+09);
INSERT INTO "events" VALUES('a180b7f8',0,'machine','cpu, float32, 1 thread',1.79566029198529577256e+09);
INSERT INTO "events" VALUES('083b0a19',0,'machine','cpu, float32, 1 thread',1.7956602920916750431e+09);
INSERT INTO "events" VALUES('083b0a19',20,'finished','',1.79566029338776516916e+09);
INSERT INTO "events" VALUES('2fbd4563',20,'finished','',1.79566029348795390126e+09);
INSERT INTO "events" VALUES('a180b7f8',20,'finished','',1.79566029361582112314e+09);
INSERT INTO "events" VALUES('c93fb92f',40,'imported','from model.safetensors',1.79566029376235055921e+09);
INSERT INTO "events" VALUES('f27a1e7e',40,'branched','from gnu',1.7956602938454871177e+09);
INSERT INTO "events" VALUES('bc68b8b2',10,'changed','{"learning_rate": [0.01, 0.003]}',1.79566027839035773278e+09);
INSERT INTO "events" VALUES('bc68b8b2',12,'changed','{"batch_size": [4, 2], "learning_rate": [0.003, 0.004]}',1.79566027841477060316e+09);
INSERT INTO "events" VALUES('bc68b8b2',12,'branched','from owl, without what was changed in it later',1.79566027845979428291e+09);
INSERT INTO "events" VALUES('bc68b8b2',0,'machine','cpu, float32, 1 thread',1.79566027861043620104e+09);
INSERT INTO "events" VALUES('bc68b8b2',12,'resumed','Nothing was lost: weights, optimiser, random numbers and place in the text are those of that step.',1.7956602788133490086e+09);
INSERT INTO "events" VALUES('bc68b8b2',60,'finished','',1.7956602792253785133e+09);
INSERT INTO "events" VALUES('bc68b8b2',60,'opened','from hen.run.zip',1.79566029431059575073e+09);
INSERT INTO "events" VALUES('7850f5f8',0,'machine','cpu, float32, 1 thread',1.79566028664752101902e+09);
INSERT INTO "events" VALUES('7850f5f8',15,'resumed','3 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step.',1.79566028695883965491e+09);
INSERT INTO "events" VALUES('7850f5f8',15,'resumed','15 steps after it are taken again, the same: weights, optimiser, random numbers and place in the text are those of that step. The checkpoint checkpoint-000000030.pt cannot be read: the file is damaged or cut short.',1.7956602872268559932e+09);
INSERT INTO "events" VALUES('7850f5f8',40,'finished','',1.79566028751826715472e+09);
INSERT INTO "events" VALUES('7850f5f8',40,'opened','from bat.run.zip',1.79566029457469534874e+09);
INSERT INTO "events" VALUES('f040847c',0,'machine','cpu, float32, 1 thread',1.79566029464876413348e+09);
INSERT INTO "events" VALUES('f040847c',20,'finished','',1.79566029479865121843e+09);
INSERT INTO "events" VALUES('4e81acca',0,'failed','The disk is full.',1.79566029485691714285e+09);
CREATE TABLE health (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run_id, name, iter)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    corpus TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    iter INTEGER NOT NULL DEFAULT 0,
    n_params INTEGER NOT NULL,
    train_loss REAL,
    val_loss REAL,
    best_val_loss REAL,
    best_iter INTEGER NOT NULL DEFAULT 0,
    train_seconds REAL NOT NULL DEFAULT 0,
    steps_per_s REAL NOT NULL DEFAULT 0,
    checkpoint_iter INTEGER NOT NULL DEFAULT 0,
    checkpoint_interval_s REAL NOT NULL DEFAULT 5,
    message TEXT NOT NULL DEFAULT '',
    parent TEXT,
    parent_iter INTEGER,
    created_at REAL NOT NULL,
    sweep TEXT,
    deleted_at REAL
) STRICT;
INSERT INTO "runs" VALUES('7ffb0002','owl','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 60, "learning_rate": 0.002, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',30,961,3.32747936248779296875e+00,3.31344841952299962173e+00,3.31344841952299962173e+00,30,2.7345370740022190148e+00,4.20798070539111535026e+00,30,5.0,'',NULL,NULL,1.79566027299476599693e+09,NULL,NULL);
INSERT INTO "runs" VALUES('c85c834d','hen','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 2, "max_iters": 60, "learning_rate": 0.004, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',60,961,3.28987932205200195312e+00,3.27439667711305837372e+00,3.27439667711305837372e+00,60,3.67142112003421061672e-01,1.31698308347160320864e+02,60,5.0,'','7ffb0002',12,1.79566027834507346153e+09,NULL,NULL);
INSERT INTO "runs" VALUES('f4dcd7ba','yak','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 60, "learning_rate": 0.002, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','paused',25,961,3.33995079994201660156e+00,NULL,NULL,20,1.61526049003441585227e-01,1.01993308260630243466e+02,25,5.0,'','7ffb0002',25,1.79566027928167271611e+09,NULL,NULL);
INSERT INTO "runs" VALUES('81fcda44','fox','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',40,961,3.2332324981689453125e+00,3.21195774222139140974e+00,3.21195774222139140974e+00,40,2.0146364399988669902e-01,9.33554584774781090993e+01,40,5.0,'',NULL,NULL,1.79566027971290779119e+09,NULL,NULL);
INSERT INTO "runs" VALUES('c54584d4','ant','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',40,961,3.2332324981689453125e+00,3.21195774222139140974e+00,3.21195774222139140974e+00,40,3.26603506099490914493e+00,5.77541750530600861424e+00,40,5.256458199983171653e+00,'',NULL,NULL,1.79566028047540330887e+09,NULL,NULL);
INSERT INTO "runs" VALUES('a7936b25','cow','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','interrupted',10,961,3.36121273040771484375e+00,NULL,NULL,10,4.42954930022096959874e-02,5.60079425982458047874e+01,10,5.0,'There was no checkpoint yet, so it starts again from step 0.',NULL,NULL,1.79566028598406457906e+09,NULL,1.79566029489304280282e+09);
INSERT INTO "runs" VALUES('fd354a1d','bat','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',40,961,3.2332324981689453125e+00,3.21195774222139140974e+00,3.21195774222139140974e+00,40,1.57441408000522642396e-01,90.4849815488674,40,5.0,'The checkpoint checkpoint-000000030.pt cannot be read: the file is damaged or cut short.',NULL,NULL,1.79566028655035877224e+09,NULL,NULL);
INSERT INTO "runs" VALUES('f4f2bd9c','elk','transformer','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "transformer", "vocab_size": 31, "block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8, "dropout": 0.2, "bias": false, "block": "classic", "ngrams": 0, "batch_size": 4, "max_iters": 400, "learning_rate": 100.0, "min_lr": 10.0, "warmup_iters": 0, "lr_decay_iters": 400, "schedule": "constant", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "grad_clip": 0.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','failed',7,1888,3.429508209228515625e+00,NULL,NULL,0,8.98263930012035416439e-02,1.88118721972778182305e+01,0,5.0,'At step 8 the loss was nan and the gradient''s norm nan: the run has diverged. Try a smaller learning_rate (it was 100), or a longer warm-up.',NULL,NULL,1.79566028755001759528e+09,NULL,NULL);
INSERT INTO "runs" VALUES('4883fced','clever-portia','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,961,3.33666300773620605468e+00,3.32409518807377635241e+00,3.32409518807377635241e+00,20,1.37025892001474858261e-01,1.75671659619735542889e+01,20,5.0,'',NULL,NULL,1.79566028807149505614e+09,NULL,NULL);
INSERT INTO "runs" VALUES('09fe2e04','happy-romeo','attention','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "attention", "vocab_size": 31, "block_size": 8, "n_head": 2, "n_embd": 8, "dropout": 0.2, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,816,3.41982173919677734375e+00,3.41852135155069181138e+00,3.41852135155069181138e+00,20,3.56935126001189928501e-01,9.30464498270680806513e+00,20,5.0,'',NULL,NULL,1.79566028813474488261e+09,NULL,NULL);
INSERT INTO "runs" VALUES('899dca9a','mild-bolingbroke','transformer','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "transformer", "vocab_size": 31, "block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8, "dropout": 0.2, "bias": false, "block": "classic", "ngrams": 0, "batch_size": 4, "max_iters": 20, "learning_rate": 0.001, "min_lr": 0.0001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,1888,3.40264010429382324218e+00,3.40671583995148186119e+00,3.40671583995148186119e+00,20,9.3819594200249412097e-01,6.53150717548010195656e+00,20,5.0,'',NULL,NULL,1.79566028819477367401e+09,NULL,NULL);
INSERT INTO "runs" VALUES('2fbd4563','quick-cleopatra','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,961,3.33666300773620605468e+00,3.32409518807377635241e+00,3.32409518807377635241e+00,20,1.31514065998999285511e-01,1.18804882286638928694e+01,20,5.0,'',NULL,NULL,1.79566029163538503645e+09,NULL,NULL);
INSERT INTO "runs" VALUES('a180b7f8','wary-ariel','attention','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "attention", "vocab_size": 31, "block_size": 8, "n_head": 2, "n_embd": 8, "dropout": 0.2, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,816,3.41982173919677734375e+00,3.41852135155069181138e+00,3.41852135155069181138e+00,20,2.96796852002444211393e-01,1.13555330681457622432e+01,20,5.0,'',NULL,NULL,1795660291.66906,NULL,NULL);
INSERT INTO "runs" VALUES('083b0a19','proud-hermia','transformer','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "transformer", "vocab_size": 31, "block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8, "dropout": 0.2, "bias": false, "block": "classic", "ngrams": 0, "batch_size": 4, "max_iters": 20, "learning_rate": 0.001, "min_lr": 0.0001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,1888,3.40264010429382324218e+00,3.40671583995148186119e+00,3.40671583995148186119e+00,20,3.67072002994973445311e-01,1.34735398422596706067e+01,20,5.0,'',NULL,NULL,1.79566029171499776844e+09,NULL,NULL);
INSERT INTO "runs" VALUES('c93fb92f','gnu','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "auto", "dtype": "auto"}','finished',40,961,3.2332324981689453125e+00,3.21195774222139140974e+00,3.21195774222139140974e+00,40,0.0,0.0,40,5.0,'',NULL,NULL,1.7956602937095606327e+09,NULL,NULL);
INSERT INTO "runs" VALUES('f27a1e7e','gnu-2','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "auto", "dtype": "auto"}','paused',40,961,3.2332324981689453125e+00,NULL,NULL,40,0.0,0.0,40,5.0,'','c93fb92f',40,1.79566029379876422882e+09,NULL,NULL);
INSERT INTO "runs" VALUES('bc68b8b2','hen-2','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 2, "max_iters": 60, "learning_rate": 0.004, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',60,961,3.28987932205200195312e+00,3.27439667711305837372e+00,3.27439667711305837372e+00,60,3.67142112003421061672e-01,1.31698308347160320864e+02,60,5.0,'','7ffb0002',12,1.79566029431059575073e+09,NULL,NULL);
INSERT INTO "runs" VALUES('7850f5f8','bat-2','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 40, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 2, "lr_decay_iters": 40, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',40,961,3.2332324981689453125e+00,3.21195774222139140974e+00,3.21195774222139140974e+00,40,1.57441408000522642396e-01,90.4849815488674,40,5.0,'The checkpoint checkpoint-000000030.pt cannot be read: the file is damaged or cut short.',NULL,NULL,1.79566029457469534874e+09,NULL,NULL);
INSERT INTO "runs" VALUES('f040847c','rates 0.01x2','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 2, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','finished',20,961,3.37609529495239257812e+00,3.35249655690025427645e+00,3.35249655690025427645e+00,20,3.26943620020756497979e-02,1.5269283199987020794e+02,20,5.0,'',NULL,NULL,1.79566029460422897342e+09,'f1c3aeeb',NULL);
INSERT INTO "runs" VALUES('4e81acca','rates 0.02x2','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 2, "max_iters": 20, "learning_rate": 0.02, "min_lr": 0.002, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','failed',0,961,NULL,NULL,NULL,0,0.0,0.0,0,5.0,'The disk is full.',NULL,NULL,1.79566029460433459283e+09,'f1c3aeeb',NULL);
INSERT INTO "runs" VALUES('a78548b0','rates 0.01x4','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','queued',0,961,NULL,NULL,NULL,0,0.0,0.0,0,5.0,'',NULL,NULL,1.79566029460438466073e+09,'f1c3aeeb',NULL);
INSERT INTO "runs" VALUES('5e980c2c','rates 0.02x4','bigram','tiny','9b7fce1d0d7bc3893b07a31b9d735e56a22a5e201feab136517c855dd4cb5c8d','{"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 20, "learning_rate": 0.02, "min_lr": 0.002, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}','queued',0,961,NULL,NULL,NULL,0,0.0,0.0,0,5.0,'',NULL,NULL,1.79566029460442852972e+09,'f1c3aeeb',NULL);
CREATE TABLE steps (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    loss REAL NOT NULL,
    learning_rate REAL NOT NULL,
    grad_norm REAL NOT NULL,
    elapsed_s REAL NOT NULL,
    PRIMARY KEY (run_id, iter)
) STRICT, WITHOUT ROWID;
INSERT INTO "steps" VALUES('7ffb0002',1,3.43308806419372558593e+00,3.33333333333333354728e-03,1.82013720273971557617e-01,2.64567799968062900006e-03);
INSERT INTO "steps" VALUES('7ffb0002',10,3.34418749809265136718e+00,0.00926724915218138,2.28608727455139160156e-01,1.08766917002867558039e-01);
INSERT INTO "steps" VALUES('7ffb0002',20,3.3255558013916015625e+00,1.58229729514036687731e-03,1.81480124592781066894e-01,1.10796473800292);
CREATE TABLE sweeps (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
INSERT INTO "sweeps" VALUES('f1c3aeeb','rates','{"x": {"name": "learning_rate", "values": [0.01, 0.02], "hold_characters": false}, "y": {"name": "batch_size", "values": [2, 4], "hold_characters": false}, "base": {"model": "bigram", "vocab_size": 31, "block_size": 8, "batch_size": 4, "max_iters": 20, "learning_rate": 0.01, "min_lr": 0.001, "warmup_iters": 1, "lr_decay_iters": 20, "schedule": "cosine", "optimizer": "adamw", "muon_lr": 0.02, "table_lr": 0.1, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0, "eval_interval": 10, "eval_iters": 2, "seed": 1337, "device": "cpu", "dtype": "auto"}, "corpus": "tiny", "places": [{"x": 0.01, "y": 2, "run_id": "f040847c", "why_not": ""}, {"x": 0.02, "y": 2, "run_id": "4e81acca", "why_not": ""}, {"x": 0.01, "y": 4, "run_id": "a78548b0", "why_not": ""}, {"x": 0.02, "y": 4, "run_id": "5e980c2c", "why_not": ""}]}',1.79566029460420560834e+09);
CREATE INDEX events_of_run ON events (run_id, iter);
CREATE UNIQUE INDEX names_in_use ON runs (name) WHERE deleted_at IS NULL;
PRAGMA user_version=2;
COMMIT;
