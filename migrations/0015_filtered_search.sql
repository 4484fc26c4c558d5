-- A filtered search takes the passages of the articles that it wants from the index alone.
CREATE INDEX passages_of_article ON passages (article_id) INCLUDE (passage_id);
-- What similar cases can be narrowed by, an index each.
CREATE INDEX images_source ON images (source);
CREATE INDEX images_licence ON images (licence);
CREATE INDEX images_stain ON images ((labels->>'stain'));
CREATE INDEX images_modality ON images ((labels->>'modality'));
